"""Samples, and what is said of them: medians, 95th percentiles, and how two of a kind compare."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Samples = list[float]


def percentile(samples: Sequence[float], share: float) -> float:
    """The value that `share` percent of the samples do not exceed (nearest rank)."""
    ranked = sorted(samples)
    rank = max(1, -(-len(ranked) * share // 100))
    return ranked[int(rank) - 1]


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure, and the figure it is held against."""

    what: str
    unit: str
    samples: Samples
    against: str = ""
    beside: Samples = field(default_factory=list)
    goal: float | None = None
    """The largest ratio of the two medians that will do."""

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        return percentile(self.samples, 95)

    @property
    def ratio(self) -> float | None:
        if not self.beside or not (floor := statistics.median(self.beside)):
            return None
        return self.median / floor

    @property
    def met(self) -> bool | None:
        return None if self.goal is None or self.ratio is None else self.ratio <= self.goal


@dataclass
class Section:
    """What one program of the benchmark has found."""

    title: str
    method: str
    rows: list[Row] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    """Whatever is no sample: counts, arithmetic, analysis."""

    def say(self) -> None:
        """Hand it to whoever started this program."""
        json.dump(asdict(self), sys.stdout)


def section(found: dict[str, Any]) -> Section:
    """A section as `say` has written it."""
    rows = [Row(**row) for row in found.pop("rows")]
    return Section(**found, rows=rows)


@dataclass
class Timing:
    """Wall and CPU time of one piece of work, in milliseconds, run after run."""

    wall: Samples = field(default_factory=list)
    cpu: Samples = field(default_factory=list)

    def take(self, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        work()
        self.cpu.append((time.process_time_ns() - cpu) / 1e6)
        self.wall.append((time.perf_counter_ns() - wall) / 1e6)


def interleaved(
    runs: int, works: Iterable[Callable[[], object]], before: Callable[[], object], warm: int = 5
) -> list[Timing]:
    """Each work `runs` times, in turn and in changing order, after a few that do not count."""
    pairs = [(work, Timing()) for work in works]
    for run in range(-warm, runs):
        for work, timing in pairs if run % 2 else reversed(pairs):
            before()
            (timing if run >= 0 else Timing()).take(work)
    return [timing for _, timing in pairs]
