"""`python -m tests.bench`: every section, one table, the raw numbers in build/bench.json.

With `--publish`, BENCHMARKS.md and its plots are renewed as well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

from tests import parts
from tests.bench import report
from tests.bench.measure import Section, section

RUNS = {"cold": 15, "handlers": 100, "callers": 16, "load": 3, "growth": 12}
PATIENCE = 300  # seconds that one section may take
RAW = parts.ROOT / "build" / "bench.json"


def run(name: str, runs: int) -> Section:
    """One section, in a process of its own, so that none finds what another has left."""
    command = [sys.executable, "-m", f"tests.bench.{name}", str(runs)]
    said = subprocess.run(
        command, cwd=parts.ROOT, stdout=subprocess.PIPE, timeout=PATIENCE, check=True
    )
    found: dict[str, Any] = json.loads(said.stdout)
    return section(found)


def main() -> None:
    given = arguments()
    about = report.machine()
    sections: dict[str, Section] = {}
    for name in given.sections or RUNS:
        sys.stderr.write(f"{name} …\n")
        try:
            sections[name] = run(name, max(2, int(RUNS[name] * given.scale)))
        except subprocess.SubprocessError as error:
            sys.stderr.write(f"{name} came to nothing: {error}\n")
            continue
        print_section(sections[name])
        keep(about, sections)
    if given.publish:
        report.publish(about, sections)
    sys.exit(len(sections) < len(given.sections or RUNS))


def keep(about: dict[str, str], sections: dict[str, Section]) -> None:
    """Write the raw numbers down, as far as there are any."""
    RAW.parent.mkdir(exist_ok=True)
    RAW.write_text(report.raw(about, sections))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"some of {', '.join(RUNS)}; all by default")
    parser.add_argument("--scale", type=float, default=1.0, help="so many times the usual runs")
    parser.add_argument("--publish", action="store_true", help="renew BENCHMARKS.md")
    return parser.parse_args()


def print_section(found: Section) -> None:
    sys.stdout.write(f"\n{found.title}\n{report.table(found.rows)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
