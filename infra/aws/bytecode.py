"""Compiled Python for the package: Lambda can keep none, and would compile it at each cold start.

Each file carries the hash of its source (PEP 552), which is checked when it is loaded: whatever
stands beside it, no other code than the package's sources ever runs.
"""

from __future__ import annotations

import py_compile
from collections.abc import Iterator
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path

TASK = "/var/task"  # where Lambda unpacks the package, for tracebacks
BESIDE = ("chalice", "jwt", "msgspec")  # what Chalice adds to the package


def precompile(shop: Path) -> None:
    """Compile a project that Chalice is about to package.

    Chalice takes chalicelib/ and vendor/ as they are, the latter to the top of the package.
    """
    for source in sorted((shop / "chalicelib").rglob("*.py")):
        _compile(source, source.relative_to(shop), shop)
    _compile(shop / "app.py", Path("app.py"), shop / "vendor")
    for name in BESIDE:
        for source, place in _modules(name):
            _compile(source, place, shop / "vendor")


def _compile(source: Path, place: Path, into: Path) -> None:
    py_compile.compile(
        str(source),
        cfile=cache_from_source(str(into / place)),
        dfile=f"{TASK}/{place}",
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
    )


def _modules(name: str) -> Iterator[tuple[Path, Path]]:
    """A package's own modules as they are installed here, and their places in the package."""
    home = Path(str(import_module(name).__file__)).parent
    for source in sorted(home.glob("*.py")):
        yield source, Path(name) / source.name
