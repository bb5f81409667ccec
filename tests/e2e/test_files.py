"""Files: offered, accepted, carried and verified, while the conversation goes on."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Visit
from tests.e2e.test_accessibility import violations
from tests.e2e.test_sealing import seals
from tests.e2e.visitor import Visitor

MEGABYTE = 1_000_000
MEBIBYTE = 1024 * 1024
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


# A sender's page reads a file only as far as the test lets it, so that what happens in the middle
# happens there on any machine; and it keeps its connections, and what it says about files.
WATCHED = """() => {
  window.mebibytes = Infinity;
  const read = Blob.prototype.arrayBuffer;
  Blob.prototype.arrayBuffer = async function () {
    while (window.mebibytes < 1) await new Promise((resolve) => setTimeout(resolve, 20));
    window.mebibytes -= 1;
    return read.call(this);
  };
  window.said = [];
  const send = RTCDataChannel.prototype.send;
  window.frames = [];
  RTCDataChannel.prototype.send = function (data) {
    if (typeof data === "string" && this.label !== "parley") window.said.push(JSON.parse(data));
    else if (data.length < 1000) window.frames.push(String.fromCharCode(...data));
    return send.call(this, data);
  };
  window.connections = [];
  const Connection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Connection {
    constructor(...options) {
      super(...options);
      window.connections.push(this);
    }
  };
}"""


@pytest.fixture
def two(visit: Visit, garden: str) -> tuple[Visitor, Visitor]:
    """Ada and Ben, connected."""
    ada, ben = visit(), visit()
    for one in (ada, ben):
        one.page.evaluate(WATCHED)
        one.join(garden)
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


def half_way(sender: Visitor, receiver: Visitor, film: Path, while_reading: int) -> None:
    """The file is accepted, and no more than so many MiB of it are sent until further notice."""
    sender.page.evaluate("(count) => { window.mebibytes = count; }", while_reading)
    send(sender, film)
    receiver.button(f"Accept {film.name}").click()
    is_under_way(receiver, film.name)


def is_under_way(visitor: Visitor, name: str) -> None:
    """Some of it has come, and not all."""
    some = re.compile(r"(^|\D)([1-9]|[1-9]\d)%")
    expect(line(visitor, name)).to_contain_text(some, timeout=PATIENCE)
    expect(visitor.button(f"Cancel {name}")).to_be_visible()


def go_on(sender: Visitor) -> None:
    sender.page.evaluate("window.mebibytes = Infinity")


def nothing_is_stored(visitor: Visitor) -> None:
    """The browser's private storage of this origin is empty."""
    visitor.page.wait_for_function(
        """async () => {
          const names = (await navigator.storage.getDirectory()).keys();
          return (await names.next()).done;
        }"""
    )


def something_is_stored(visitor: Visitor) -> None:
    visitor.page.wait_for_function(
        """async () => {
          const names = (await navigator.storage.getDirectory()).keys();
          return !(await names.next()).done;
        }"""
    )


DROP = """
  ({ names, kind }) => {
    const carried = new DataTransfer();
    for (const name of names) {
      carried.items.add(new File([`in ${name}`], name, { type: "image/png" }));
    }
    const conversation = document.querySelector(".conversation");
    const options = { bubbles: true, cancelable: true };
    if (kind === "paste") options.clipboardData = carried;
    else options.dataTransfer = carried;
    const Kind = kind === "paste" ? ClipboardEvent : DragEvent;
    return conversation.dispatchEvent(new Kind(kind, options));
  }
"""


def bring(visitor: Visitor, kind: str, *names: str) -> None:
    """Dragged over the page, dropped on it, or pasted: files with these names."""
    visitor.page.evaluate(DROP, {"names": names, "kind": kind})


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


@pytest.mark.parametrize("who", ["the receiver", "the sender"])
def test_a_cancelled_file_leaves_nothing_behind(
    two: tuple[Visitor, Visitor], make_file: MakeFile, who: str
) -> None:
    ada, ben = two
    half_way(ada, ben, make_file("film.bin", 50 * MEGABYTE), while_reading=12)
    for one in (ada, ben):
        expect(line(one, "film.bin")).to_contain_text(re.compile(r"B/s · .+ left"))
    something_is_stored(ben)
    (ben if who == "the receiver" else ada).button("Cancel film.bin").click()
    for one in (ada, ben):
        expect(line(one, "film.bin")).to_contain_text(re.compile("[Cc]ancelled"), timeout=PATIENCE)
    nothing_is_stored(ben)
    ben.button("Dismiss film.bin").click()
    expect(ben.page.get_by_role("group", name="Files", exact=True)).to_be_hidden()


def test_chat_arrives_while_a_file_is_on_its_way(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    send(ada, make_file("film.bin", 125 * MEGABYTE))
    ben.button("Accept film.bin").click()
    is_under_way(ben, "film.bin")
    for one, other in ((ada, ben), (ben, ada)):
        one.say(f"{one.own_id} says hello")
        other.reads(f"{one.own_id} says hello")
    is_under_way(ben, "film.bin")
    ada.button("Cancel film.bin").click()


@pytest.mark.parametrize("whose", ["the sender's", "the receiver's"])
def test_a_broken_transfer_goes_on_where_it_was(
    two: tuple[Visitor, Visitor], make_file: MakeFile, whose: str
) -> None:
    ada, ben = two
    film = make_file("film.bin", 30 * MEGABYTE)
    half_way(ada, ben, film, while_reading=10)
    broken = ada if whose == "the sender's" else ben
    broken.page.evaluate("window.connections.at(-1).close()")
    expect(line(ben, "film.bin")).to_contain_text("goes on when", timeout=PATIENCE)
    go_on(ada)
    assert sha256(saved(ben, "film.bin")) == sha256(film)
    begun = ada.page.evaluate("said.filter(({ type }) => type === 'begin').map((it) => it.offset)")
    assert begun[0] == 0
    assert begun[-1] > 0, "it did not begin anew"


def test_a_receiver_who_reloads_the_page_does_not_begin_anew(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    film = make_file("film.bin", 30 * MEGABYTE)
    half_way(ada, ben, film, while_reading=10)
    ben.page.reload()
    expect(line(ben, "film.bin")).to_be_visible(timeout=PATIENCE)
    go_on(ada)
    assert sha256(saved(ben, "film.bin")) == sha256(film)
    begun = ada.page.evaluate("said.filter(({ type }) => type === 'begin').map((it) => it.offset)")
    assert begun[0] == 0
    assert begun[-1] > 0, "it did not begin anew"
    ben.button("Remove film.bin").click()
    nothing_is_stored(ben)


def test_what_has_arrived_and_was_not_saved_outlasts_a_reload(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    notes = make_file("notes.bin", 1_000)
    send(ada, notes)
    ben.button("Accept notes.bin").click()
    expect(line(ben, "notes.bin")).to_contain_text("not saved yet", timeout=PATIENCE)
    ben.page.reload()
    assert sha256(saved(ben, "notes.bin")) == sha256(notes)
    expect(line(ben, "notes.bin")).to_contain_text("Saved")
    ben.page.reload()
    ben.sees(ada)
    nothing_is_stored(ben)


def test_several_files_at_once_and_both_ways(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    files = [make_file(f"{number}.bin", number * MEGABYTE) for number in range(4)]
    letter = make_file("letter.bin", 10_000)
    send(ada, *files)
    send(ben, letter)
    ada.button("Accept letter.bin").click()
    ben.button("Accept all (4)").click()
    for file in files:
        assert sha256(saved(ben, file.name)) == sha256(file)
    assert sha256(saved(ada, "letter.bin")) == sha256(letter)


def test_a_refused_file_is_neither_sent_nor_stored(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    send(ada, make_file("film.bin", MEGABYTE))
    expect(ben.page.get_by_text("wants to send you film.bin (1 MB)")).to_be_visible()
    ben.button("Refuse film.bin").click()
    expect(line(ada, "film.bin")).to_contain_text("did not want it")
    expect(line(ben, "film.bin")).to_contain_text("Refused")
    nothing_is_stored(ben)


def test_files_can_be_dropped_and_pasted(two: tuple[Visitor, Visitor]) -> None:
    ada, ben = two
    target = ada.page.get_by_text(f"Drop files to send them to {ben.own_id}")
    bring(ada, "dragenter", "one.txt")
    expect(target).to_be_visible()
    bring(ada, "dragleave", "one.txt")
    expect(target).to_be_hidden()
    bring(ada, "dragenter", "one.txt")
    bring(ada, "drop", "one.txt", "two.txt")
    expect(target).to_be_hidden()
    bring(ada, "paste", "image.png")
    for name in ("one.txt", "two.txt", "image.png"):
        ben.button(f"Accept {name}").click()
        assert saved(ben, name).read_text() == f"in {name}"


def test_a_hostile_name_is_shown_as_text_and_leads_nowhere(two: tuple[Visitor, Visitor]) -> None:
    ada, ben = two
    bring(ada, "drop", "..\\../.\u202egpj.<img src=x onerror=alert(1)>exe")
    safe = "gpj._img src=x onerror=alert(1)_exe"
    ben.button(f"Accept {safe}").click()
    assert saved(ben, safe).read_text().startswith("in ..")
    for one in two:
        assert one.page.locator("img[src=x]").count() == 0


def test_one_person_or_everybody(visit: Visit, garden: str, make_file: MakeFile) -> None:
    ada, ben, eve = (visit().join(garden) for _ in range(3))
    ada.sees(ben, eve)
    notes = make_file("notes.bin", 2_000)
    send(ada, notes)
    ada.button("Everybody (2)").click()
    for one in (ben, eve):
        one.button("Accept notes.bin").click()
        assert sha256(saved(one, "notes.bin")) == sha256(notes)
    secret = make_file("secret.bin", 2_000)
    send(ada, secret)
    ada.page.get_by_role("dialog").get_by_role("button", name=eve.own_id).click()
    eve.button("Accept secret.bin").click()
    assert sha256(saved(eve, "secret.bin")) == sha256(secret)
    expect(ben.button("Accept secret.bin")).to_have_count(0)


def test_a_large_file_goes_straight_where_the_receiver_wants_it(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    ben.page.evaluate(
        """() => {
          window.showSaveFilePicker = async ({ suggestedName }) => {
            window.suggested = suggestedName;
            const folder = await navigator.storage.getDirectory();
            return (window.chosen = await folder.getFileHandle("chosen.bin", { create: true }));
          };
        }"""
    )
    film = make_file("film.bin", 128 * MEBIBYTE)
    send(ada, film)
    ben.button("Accept film.bin").click()
    expect(line(ben, "film.bin")).to_contain_text("Saved as chosen.bin", timeout=2 * PATIENCE)
    assert ben.page.evaluate("suggested") == "film.bin"
    digest = """async () => {
      const bytes = await (await chosen.getFile()).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    }"""
    assert ben.page.evaluate(digest) == sha256(film)


def test_files_can_be_handled_with_the_keyboard(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    send(ada, make_file("empty.bin", 0))
    accept = ben.button("Accept empty.bin")
    expect(accept).to_be_visible()
    ben.message.focus()
    for _ in range(20):
        ben.page.keyboard.press("Shift+Tab")
        if accept.evaluate("it => it === document.activeElement"):
            break
    expect(accept).to_be_focused()
    ben.page.keyboard.press("Enter")
    expect(ben.button("Save empty.bin")).to_be_focused(timeout=PATIENCE)
    with ben.page.expect_download() as download:
        ben.page.keyboard.press("Enter")
    assert Path(download.value.path()).read_bytes() == b""
    ben.page.keyboard.press("Tab")
    ben.page.keyboard.press("Enter")
    expect(ben.message).to_be_focused()


def test_with_a_passphrase_neither_name_nor_content_goes_over_the_channel_as_it_is(
    visit: Visit, garden: str
) -> None:
    ada, ben = visit(), visit()
    for one in (ada, ben):
        one.page.evaluate(WATCHED)
        seals(one, "correct horse").join(garden)
    ada.sees(ben)
    ben.sees(ada)
    bring(ada, "drop", "secret.txt")
    ben.button("Accept secret.txt").click()
    assert saved(ben, "secret.txt").read_text() == "in secret.txt"
    for one in (ada, ben):
        assert one.page.evaluate("said") == []
        frames = one.page.evaluate("window.frames")
        assert frames
        assert not [frame for frame in frames if "secret" in frame]


def test_a_browser_that_cannot_write_to_disk_takes_what_memory_holds(
    two: tuple[Visitor, Visitor], make_file: MakeFile, tmp_path: Path
) -> None:
    ada, ben = two
    ben.page.evaluate(
        """() => {
          const refusal = () => Promise.reject(new DOMException("not here", "SecurityError"));
          navigator.storage.getDirectory = refusal;
          window.showSaveFilePicker = undefined;
        }"""
    )
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(256 * MEBIBYTE + 1)
    notes = make_file("notes.bin", MEGABYTE)
    send(ada, large, notes)
    ben.button("Accept large.bin").click()
    expect(ben.page.get_by_text("256 MB is the most")).to_be_visible()
    expect(ben.button("Accept large.bin")).to_be_visible()
    ben.button("Accept notes.bin").click()
    assert sha256(saved(ben, "notes.bin")) == sha256(notes)


def test_nothing_about_files_stands_in_anybodys_way(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    bring(ada, "drop", "arrived.txt", "refused.txt", "offered.txt")
    ben.button("Accept arrived.txt").click()
    ben.button("Refuse refused.txt").click()
    half_way(ada, ben, make_file("film.bin", 50 * MEGABYTE), while_reading=12)
    for one in two:
        one.page.emulate_media(reduced_motion="reduce")
        for theme in ("light", "dark"):
            one.page.emulate_media(color_scheme=theme)
            for width in (1280, 320):
                one.page.set_viewport_size({"width": width, "height": 800})
                assert violations(one.page) == [], (theme, width)
                assert one.page.evaluate("document.documentElement.scrollWidth") <= width


def test_who_leaves_takes_nothing_along_and_the_other_is_told(
    two: tuple[Visitor, Visitor], make_file: MakeFile
) -> None:
    ada, ben = two
    half_way(ada, ben, make_file("film.bin", 50 * MEGABYTE), while_reading=12)
    ben.button("Leave").click()
    expect(line(ada, "film.bin")).to_contain_text("left the room", timeout=PATIENCE)
    nothing_is_stored(ben)
