"""A plan: what will be done, as data; shown before it is done, done step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One thing to do. It may be done any number of times, and after having been cut off.

    `expect` tells what there is to do, in lines for people, and changes nothing. `act` does it.
    """

    name: str
    expect: Callable[[], Sequence[str]]
    act: Callable[[], None]


def show(steps: Sequence[Step], say: Say) -> None:
    """What would happen."""
    for step in steps:
        lines = list(step.expect()) or ["nothing to do"]
        say(f"  {step.name}: {lines[0]}")
        for line in lines[1:]:
            say(f"    {line}")


def carry_out(steps: Sequence[Step], say: Say) -> None:
    """Do it, and tell how far it has come."""
    for number, step in enumerate(steps, start=1):
        say(f"[{number}/{len(steps)}] {step.name} …")
        began = time.monotonic()
        step.act()
        say(f"[{number}/{len(steps)}] {step.name}: done ({time.monotonic() - began:.1f} s)")
