"""What the service worker keeps: service-worker.json, worked out from the client's own files.

`core` is what the page needs to open, and is kept at once; `later` is everything else, kept when
the page has time, or when it is first used. Each file stands there with the SHA-256 that the
browser holds it against (https://www.w3.org/TR/sri-2/), and `version` is a digest of them all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

LIST = "service-worker.json"
NOT_KEPT = {LIST, "service-worker.js", "config.json"}
ENTRANCES = ("index.html", "manifest.json")
_REFERENCE = {
    ".html": re.compile(r'(?:src|href)="([\w./-]+)"'),
    ".js": re.compile(r'^(?:import|export)\b[^;(]*?"(\.[\w./-]+)"', re.M),
    ".json": re.compile(r'"src": "([\w./-]+)"'),
}


def listed(client: Path) -> dict[str, object]:
    """What stands in service-worker.json for the files as they are now."""
    hashes = {name: _integrity(client / name) for name in sorted(_files(client))}
    core = set(_reached(client, ENTRANCES))
    digest = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()
    return {
        "version": digest[:16],
        "core": {name: value for name, value in hashes.items() if name in core},
        "later": {name: value for name, value in hashes.items() if name not in core},
    }


def text(client: Path) -> str:
    """The content of service-worker.json."""
    return json.dumps(listed(client), indent=2) + "\n"


def _files(client: Path) -> Iterator[str]:
    for path in client.rglob("*"):
        name = path.relative_to(client).as_posix()
        if path.is_file() and name not in NOT_KEPT and not name.startswith("."):
            yield name


def _integrity(file: Path) -> str:
    digest = hashlib.sha256(file.read_bytes()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _reached(client: Path, names: tuple[str, ...]) -> Mapping[str, None]:
    """These files and all that they refer to at once, which leaves out `import()`."""
    found: dict[str, None] = {}
    waiting = [name for name in names if (client / name).is_file()]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = None
        waiting += _references(client, name)
    return found


def _references(client: Path, name: str) -> Iterator[str]:
    file = client / name
    if pattern := _REFERENCE.get(file.suffix):
        for reference in pattern.findall(file.read_text()):
            target = (file.parent / reference).resolve()
            if target.is_file() and target.is_relative_to(client.resolve()):
                yield target.relative_to(client.resolve()).as_posix()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / LIST).write_text(text(folder))
