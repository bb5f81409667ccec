"""The manners of the house, measured rather than sworn."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ROOMS = {
    "service": [ROOT / "app.py", *sorted((ROOT / "chalicelib").glob("*.py"))],
    "desk": sorted((ROOT / "infra/local").glob("*.py")),
}


def lengths(files: list[Path]) -> Iterator[int]:
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("room", ROOMS)
def test_functions_are_short(room: str) -> None:
    found = list(lengths(ROOMS[room]))
    assert statistics.median(found) < 9
    assert statistics.quantiles(found, n=10)[-1] < 40


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_is_a_drawer_for_everything(room: str) -> None:
    assert not {file.stem for file in ROOMS[room]} & {"utils", "helpers", "manager", "common"}
