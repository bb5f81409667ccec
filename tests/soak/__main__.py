"""`python -m tests.soak`: a thousand sockets on one desk for some minutes, and what came of it.

Everybody signals everybody else in their room; a third of the sockets is killed without goodbye and
comes back. In the end nothing may be lost, nobody dead be listed, and no seat be left over.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
from collections.abc import Sequence

from tests.soak.crowd import Crowd
from tests.soak.desk import Running, desk
from tests.soak.report import Report

LAST_WORDS = 60  # seconds for the leaves under way

EPILOG = """\
The desk's clocks run --clock-scale times faster: a ping interval of 8 minutes is 40 seconds at 12.
Two of them pass in silence before ghosts are counted. Exit code 1 if a must is broken.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    allow_files(4 * given.sockets + 512)
    report = asyncio.run(soak(given))
    print(report.table(), flush=True)
    return 1 if report.broken() else 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for flag, kind, default, text in [
        ("--sockets", int, 1000, "members in all"),
        ("--rooms", int, 250, "rooms that they share"),
        ("--seconds", float, 90.0, "seconds of talk"),
        ("--rate", float, 30.0, "signals a second, over all"),
        ("--clock-scale", float, 12.0, "how many times faster the desk's clocks run"),
        ("--mischief", str, "lose-disconnect=0.3,seed=1", "for the desk; '' for none"),
    ]:
        parser.add_argument(flag, type=kind, default=default, help=f"{text} (default: {default})")
    return parser


def allow_files(wanted: int) -> None:
    """Sockets are files; the desk inherits how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, wanted), hard), hard))


async def soak(given: argparse.Namespace) -> Report:
    """Start the desk, let the crowd live through it, and count."""
    with desk(given.clock_scale, given.mischief) as running:
        crowd = Crowd(running.websocket, given.sockets, given.rooms, 480 / given.clock_scale)
        await crowd.come(say)
        before = running.memory()
        await crowd.talk(given.seconds, given.rate, say)
        await crowd.rest(2, say)
        listed = await asyncio.to_thread(running.listed)
        ghosts, missing = listed - crowd.ids(), crowd.ids() - listed
        after = running.memory()
        await crowd.go(say)
        leaked = await emptied(running)
        return Report(crowd.counts(), len(ghosts), len(missing), len(leaked), before, after)


async def emptied(running: Running) -> set[str]:
    """Who still has a seat once all that was asked has been done."""
    for _ in range(LAST_WORDS):
        if not (left := await asyncio.to_thread(running.listed)):
            break
        await asyncio.sleep(1)
    return left


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
