"""What came of it, as a table, and whether that is good enough."""

from __future__ import annotations

from dataclasses import dataclass

FLAT = 1.25  # the gateway's memory at the end, as a multiple of that at the start


@dataclass(frozen=True)
class Counts:
    """What the crowd did and saw."""

    joins: int
    resumes: int
    sent: int
    delivered: int
    errored: int
    cut: int
    """Under way while its sender or its receiver was killed."""
    lost: int
    latencies: list[float]
    """In seconds, sorted."""

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        last = len(self.latencies) - 1
        return self.latencies[last * percent // 100] * 1000 if self.latencies else 0.0


@dataclass(frozen=True)
class Report:
    """The whole run."""

    counts: Counts
    ghosts: int
    missing: int
    leaked: int
    memory_before: float
    memory_after: float

    def broken(self) -> bool:
        """Whether a must is broken."""
        wrong = self.counts.lost + self.ghosts + self.missing + self.leaked
        return bool(wrong) or self.memory_after > FLAT * self.memory_before

    def table(self) -> str:
        """A row for each figure."""
        counts = self.counts
        rows = [
            ("joins", f"{counts.joins}"),
            ("of them resumed after a cut", f"{counts.resumes}"),
            ("signals sent", f"{counts.sent}"),
            ("delivered", f"{counts.delivered}"),
            ("answered with an error", f"{counts.errored}"),
            ("under way at a cut", f"{counts.cut}"),
            ("lost (must be 0)", f"{counts.lost}"),
            ("ghosts after two ping intervals (must be 0)", f"{self.ghosts}"),
            ("living without a seat (must be 0)", f"{self.missing}"),
            ("seats leaked (must be 0)", f"{self.leaked}"),
            ("latency p50 / p99", f"{counts.percentile(50):.0f} / {counts.percentile(99):.0f} ms"),
            (
                f"memory of the gateway, start / end (at most x {FLAT})",
                f"{self.memory_before:.0f} / {self.memory_after:.0f} MB",
            ),
        ]
        return "\n".join(f"| {name:54} | {figure:>14} |" for name, figure in rows)
