"""The connect handler lets nobody in by mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import app
from chalicelib import origins
from tests.bench import stage

PAGE = "https://parley.example"
EVENT = stage.connect(stage.origin("ada"))


def status(event: dict[str, Any]) -> int:
    found: int = app.connect(event, None)["statusCode"]
    return found


def event(*headers: tuple[str, str]) -> dict[str, Any]:
    several: dict[str, list[str]] = {}
    for name, value in headers:
        several.setdefault(name, []).append(value)
    return {**EVENT, "headers": dict(headers), "multiValueHeaders": several}


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGINS", PAGE)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), 200),
        ((("Origin", PAGE),), 200),
        ((("oRIGIN", PAGE.upper()),), 200),
        ((("Origin", "https://evil.example"),), 403),
        ((("Origin", PAGE), ("origin", "https://evil.example")), 403),
        ((("origin", "https://evil.example"), ("Origin", PAGE)), 403),
        ((("Origin", "https://evil.example"), ("Origin", PAGE)), 403),
        ((("Origin", "null"),), 403),
    ],
)
def test_each_origin_that_is_named_must_be_allowed(
    headers: tuple[tuple[str, str], ...], expected: int
) -> None:
    assert status(event(*headers)) == expected


def test_nothing_set_lets_in_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORIGINS")
    assert status(event(("Origin", PAGE))) == 403
    monkeypatch.setenv("ORIGINS", "*")
    assert status(event(("Origin", "https://anywhere.example"))) == 200


@pytest.mark.parametrize(
    "break_it",
    [
        lambda broken: broken.pop("headers"),
        lambda broken: broken.update(headers=None),
        lambda broken: broken.update(headers={"Origin": 7}),
        lambda broken: broken.update(headers=[]),
        lambda broken: broken.update(multiValueHeaders={"Origin": 7}),
    ],
)
def test_whatever_goes_wrong_in_the_connect_handler_refuses(
    break_it: Callable[[dict[str, Any]], object],
) -> None:
    broken = dict(EVENT)
    break_it(broken)
    assert status(broken) == 403


@pytest.mark.parametrize("answer", [None, "yes", 1, (), RuntimeError("broken")])
def test_only_a_plain_yes_lets_in(answer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def admitted(_: object) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(origins, "admitted", admitted)
    assert status(EVENT) == 403


def test_an_allowed_page_may_read_and_another_may_not() -> None:
    shared = origins.shared(event(("Origin", PAGE)), "GET, OPTIONS")
    assert shared["Access-Control-Allow-Origin"] == PAGE
    assert shared["Vary"] == "Origin"
    assert "Authorization" in shared["Access-Control-Allow-Headers"]
    assert origins.shared(event(("Origin", "https://evil.example")), "GET") == {"Vary": "Origin"}
