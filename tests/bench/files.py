"""How fast a file goes from page to page, and what it takes: `python -m tests.bench.files`.

Both pages are in one Chromium on this machine, so they share its processors. `floor` is a data
channel alone, in one page: 64 KiB messages, nothing read, hashed or written.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from playwright.sync_api import CDPSession, expect, sync_playwright

from tests.e2e.conftest import FLAGS
from tests.e2e.desk import Desk
from tests.e2e.visitor import Visitor

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
      channel.onmessage = ({ data }) => (count += data.byteLength ?? data.size) >= total && resolve();
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
    """Print the floor, the rate of one file, and the memory of the two pages while it goes."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        ada, ben = (Visitor(browser.new_context().new_page(), url, {}).open() for _ in range(2))
        floor = ada.page.evaluate(FLOOR, min(size, 100 * MEGABYTE))
        print(f"floor  {min(size, 100 * MEGABYTE) / MEGABYTE / floor:6.1f} MB/s")
        for one in (ada, ben):
            one.page.evaluate("() => { window.showSaveFilePicker = undefined; }")
            one.join("bench")
        ada.sees(ben)
        processes = browser.new_browser_cdp_session()
        before = memory(processes)
        most = send(ada, ben, make_file(Path(folder), size), size, processes)
        print(
            f"memory {before:6.0f} MB before, {most:.0f} MB at most (all of Chromium's processes)"
        )
        browser.close()


def send(ada: Visitor, ben: Visitor, film: Path, size: int, processes: CDPSession) -> float:
    """Return the most memory that was seen, in megabytes."""
    with ada.page.expect_file_chooser() as chosen:
        ada.button("Send files").click()
    chosen.value.set_files(film)
    ben.button("Accept film.bin").click()
    began = time.monotonic()
    most = 0.0
    while ben.button("Save film.bin").count() == 0:
        most = max(most, memory(processes))
        time.sleep(0.5)
    expect(ben.button("Save film.bin")).to_be_visible()
    print(f"file   {size / MEGABYTE / (time.monotonic() - began):6.1f} MB/s")
    return most


def memory(processes: CDPSession) -> float:
    """What all of Chromium's processes have in memory, in megabytes; shared pages by their part."""
    infos = processes.send("SystemInfo.getProcessInfo")["processInfo"]
    return sum(proportional_set_size(info["id"]) for info in infos) / 1_000


def proportional_set_size(pid: int) -> int:
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
