"""How fast a file goes from page to page, and what it takes: `python -m tests.bench.files`.

Both pages are in one Chromium on this machine, so they share its processors. `floor` is a data
channel alone, in one page: 64 KiB messages, nothing read, hashed or written.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import FLAGS
from tests.e2e.desk import Desk
from tests.e2e.visitor import Visitor
from tests.parts import chromium

MEGABYTE = 1_000_000
FLOOR = """
async (total) => {
  const [one, other] = [new RTCPeerConnection(), new RTCPeerConnection()];
  one.onicecandidate = ({ candidate }) => other.addIceCandidate(candidate);
  other.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
  const channel = one.createDataChannel("floor");
  const arrived = new Promise((resolve) => {
    let count = 0;
    other.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }) => {
        count += data.byteLength ?? data.size;
        if (count >= total) resolve();
      };
    };
  });
  await one.setLocalDescription();
  await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription();
  await one.setRemoteDescription(other.localDescription);
  await new Promise((resolve) => (channel.onopen = resolve));
  const began = performance.now();
  channel.bufferedAmountLowThreshold = 1_000_000;
  for (let sent = 0; sent < total; sent += 65_536) {
    if (channel.bufferedAmount > 4_000_000) {
      await new Promise((resolve) => (channel.onbufferedamountlow = resolve));
    }
    channel.send(new Uint8Array(65_536));
  }
  await arrived;
  one.close();
  return (performance.now() - began) / 1_000;
}
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megabytes", type=int, default=100)
    size = options.parse_args().megabytes * MEGABYTE
    desk = Desk()
    desk.start()
    try:
        measure(desk.url, size)
    finally:
        desk.stop()


def measure(url: str, size: int) -> None:
    """Print the floor, the rate of one file, and the memory that Chromium takes meanwhile."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        # A private window, which tests have, keeps its "disk" in memory: here it is a real one.
        profile = Path(folder, "profile")
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium(), args=FLAGS
        )
        ada, ben = (Visitor(context.new_page(), url, {}).open() for _ in range(2))
        floor = ada.page.evaluate(FLOOR, min(size, 100 * MEGABYTE))
        say(f"floor  {min(size, 100 * MEGABYTE) / MEGABYTE / floor:6.1f} MB/s")
        for one in (ada, ben):
            one.page.evaluate("() => { window.showSaveFilePicker = undefined; }")
            one.join("bench")
        ada.sees(ben)
        film = make_file(Path(folder), size)
        before = memory(profile)
        most = send(ada, ben, film, size, profile)
        say(f"memory {before:6.0f} MB before, {most:.0f} MB at most (all of Chromium's processes)")
        context.close()


def send(ada: Visitor, ben: Visitor, film: Path, size: int, profile: Path) -> float:
    """Return the most memory that was seen, in megabytes."""
    with ada.page.expect_file_chooser() as chosen:
        ada.button("Send files").click()
    chosen.value.set_files(film)
    ben.button("Accept film.bin").click()
    began = time.monotonic()
    most = 0.0
    while ben.button("Save film.bin").count() == 0:
        most = max(most, memory(profile))
        time.sleep(0.5)
    say(f"file   {size / MEGABYTE / (time.monotonic() - began):6.1f} MB/s")
    return most


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def memory(profile: Path) -> float:
    """What all processes of this Chromium have in memory, in megabytes."""
    return sum(proportional_set_size(pid) for pid in family(str(profile))) / 1_000


def family(profile: str) -> set[str]:
    """The process that was started with this profile, and all that it has started."""
    parents = {
        pid.name: parent for pid in Path("/proc").glob("[0-9]*") if (parent := parent_of(pid))
    }
    found = {pid for pid in parents if profile in command(pid)}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def parent_of(process: Path) -> str:
    with contextlib.suppress(OSError):
        return (process / "stat").read_text().rpartition(")")[2].split()[1]
    return ""


def command(pid: str) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def proportional_set_size(pid: str) -> int:
    """In kilobytes; 0 for a process that has just ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def make_file(folder: Path, size: int) -> Path:
    """A file that does not repeat within 16 MB."""
    path = folder / "film.bin"
    block = os.urandom(16 * MEGABYTE)
    with path.open("wb") as file:
        for at in range(0, size, len(block)):
            file.write(block[: size - at])
    return path


if __name__ == "__main__":
    main()
