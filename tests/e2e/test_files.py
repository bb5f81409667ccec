"""Files: offered, accepted, carried and verified, while the conversation goes on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Visit
from tests.e2e.visitor import Visitor

MEGABYTE = 1_000_000
PATIENCE = 90_000  # milliseconds: the machine may be busy with other tests

MakeFile = Callable[[str, int], Path]


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """A file of random bytes."""

    def make(name: str, size: int) -> Path:
        path = tmp_path / name
        path.write_bytes(os.urandom(size))
        return path

    return make


@pytest.fixture
def two(visit: Visit, garden: str) -> tuple[Visitor, Visitor]:
    """Ada and Ben, connected."""
    ada, ben = visit().join(garden), visit().join(garden)
    ada.sees(ben)
    ben.sees(ada)
    return ada, ben


def send(sender: Visitor, *files: Path) -> None:
    with sender.page.expect_file_chooser() as chosen:
        sender.button("Send files").click()
    chosen.value.set_files(list(files))


def line(visitor: Visitor, name: str) -> Locator:
    """What is said of the transfer of this file."""
    files = visitor.page.get_by_role("group", name="Files", exact=True)
    return files.get_by_role("group").filter(has=visitor.page.get_by_text(name, exact=True))


def saved(receiver: Visitor, name: str) -> Path:
    """Where the browser has put a file that has arrived."""
    expect(line(receiver, name)).to_contain_text("verified", timeout=PATIENCE)
    with receiver.page.expect_download() as download:
        receiver.button(f"Save {name}").click()
    assert download.value.suggested_filename == name
    return Path(download.value.path())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_of_50_mb_arrives_with_the_right_sha256(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    film = make_file("film.bin", 50 * MEGABYTE)
    send(ada, film)
    expect(line(ada, "film.bin")).to_contain_text("waiting for")
    ben.button("Accept film.bin").click()
    arrived = saved(ben, "film.bin")
    assert sha256(arrived) == sha256(film)
    expect(line(ada, "film.bin")).to_contain_text("arrived and verified")
