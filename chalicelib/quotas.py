"""How much of something one may do for now: counted in this process, and shared before it matters.

A tally stands for one who does something, in one window of time. Each process counts by itself and
adds what it has counted to the shared tally in batches, so that whoever does little costs no call
at all. What is found to be spent stays spent until the window ends, and costs no call either.
So at most `limit` + (`batch` - 1) for each process get through in a window, and twice that around
the end of one. With a batch of 1 a tally is exact, and asked each time before.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from chalicelib.ports import Clock, Tallies
from chalicelib.rooms import RateLimited

_REMEMBERED = 10_000  # who a process counts at once; beyond that it forgets all of them


@dataclass(frozen=True, slots=True)
class Quota:
    """So many of something in so many seconds; a limit of 0 is none."""

    what: str
    limit: int
    seconds: int
    batch: int = 1

    @property
    def step(self) -> int:
        """The batch, small beside the limit."""
        return max(1, min(self.batch, self.limit // 8))


@dataclass(slots=True)
class _Count:
    """What this process knows about one tally."""

    unshared: int = 0
    spent: bool = False


class Quotas:
    """Spend, or be told when there is more."""

    def __init__(self, tallies: Tallies, clock: Clock) -> None:
        self._tallies = tallies
        self._clock = clock
        self._counts: dict[tuple[str, str, int], _Count] = {}
        self._counting = threading.Lock()

    def spend(self, quota: Quota, whose: str, amount: int = 1) -> None:
        """Raises RateLimited if there is nothing left of it."""
        if not quota.limit:
            return
        end = self._end(quota)
        due = self._due(quota, whose, end, amount)
        if due is None or (due and not self._share(quota, whose, end, due)):
            raise self._refusal(quota, end)

    def check(self, quota: Quota, whose: str) -> None:
        """Raises RateLimited if this process knows that there is nothing left."""
        if not quota.limit:
            return
        end = self._end(quota)
        with self._counting:
            count = self._counts.get((quota.what, whose, end))
        if count and count.spent:
            raise self._refusal(quota, end)

    def noted(self, quota: Quota, whose: str) -> int:
        """One more of something that only this process counts; how many that makes."""
        with self._counting:
            count = self._count(quota, whose, self._end(quota))
            count.unshared += 1
            return count.unshared

    def give_back(self, quota: Quota, whose: str) -> None:
        """One that was spent for nothing, of a quota without batches."""
        if quota.limit:
            end = self._end(quota)
            self._tallies.subtract(quota.what, whose, end)
            with self._counting:
                self._counts.pop((quota.what, whose, end), None)

    def _end(self, quota: Quota) -> int:
        """When the window ends (s)."""
        return (self._clock.now() // 1000 // quota.seconds + 1) * quota.seconds

    def _due(self, quota: Quota, whose: str, end: int, amount: int) -> int | None:
        """How much is to be shared by now; None if there is nothing left, as far as is known."""
        with self._counting:
            count = self._count(quota, whose, end)
            if count.spent:
                return None
            count.unshared += amount
            if count.unshared < quota.step:
                return 0
            due, count.unshared = count.unshared, 0
            return due

    def _count(self, quota: Quota, whose: str, end: int) -> _Count:
        if len(self._counts) > _REMEMBERED:
            self._counts.clear()
        return self._counts.setdefault((quota.what, whose, end), _Count())

    def _share(self, quota: Quota, whose: str, end: int, due: int) -> bool:
        total = self._tallies.add(quota.what, whose, end, due, quota.limit)
        if total is None or total >= quota.limit:
            with self._counting:
                self._counts[quota.what, whose, end] = _Count(spent=True)
        return total is not None

    def _refusal(self, quota: Quota, end: int) -> RateLimited:
        wait = max(1, end - self._clock.now() // 1000)
        return RateLimited(f"Too many {quota.what} for now; try again in {wait} s", wait)
