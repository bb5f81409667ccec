"""The client's files: types, and how long they may be kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.aws.errors import DeployError
from infra.aws.site import File, files
from tests.parts import ROOT

CONFIG = {"api": "https://a", "websocket": "wss://b"}


def test_every_file_of_the_client_has_a_type() -> None:
    found = files(ROOT / "client", CONFIG)
    assert {"config.json", "index.html", "index.js"} <= {file.name for file in found}
    assert all(file.type for file in found)


def test_entries_come_last_and_are_asked_for_each_time(tmp_path: Path) -> None:
    names = ["a.js", "index.html", "manifest.json", "service-worker.js", "z.css", "icon.svg"]
    for name in [*names, ".hidden"]:
        (tmp_path / name).write_text("x")
    found = files(tmp_path, CONFIG)
    entries = [file.name for file in found if file.cache == "no-cache"]
    assert entries == ["config.json", "index.html", "manifest.json", "service-worker.js"]
    assert [file.name for file in found] == ["a.js", "icon.svg", "z.css", *entries]


def test_the_rest_is_kept_for_long_and_modules_by_the_cdn_alone() -> None:
    assert "s-maxage=31536000" in File("room.js", b"").cache
    assert "max-age=0" in File("room.js", b"").cache
    assert "max-age=604800" in File("icons/512.png", b"").cache


def test_types_are_what_browsers_insist_on() -> None:
    assert File("sub/module.js", b"").type == "text/javascript; charset=utf-8"
    assert File("manifest.json", b"").type == "application/manifest+json"
    assert File("config.json", b"").type == "application/json"


def test_an_unknown_type_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "what.xyz").write_text("x")
    with pytest.raises(DeployError, match=r"client/what\.xyz is of no known type"):
        files(tmp_path, CONFIG)
