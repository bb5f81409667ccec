"""What is made of the figures: a table for the terminal, tables for the page, plots."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from tests import parts
from tests.bench import plots, prices
from tests.bench.measure import Row, Section

PAGE = parts.ROOT / "BENCHMARKS.md"
PLOTS = parts.ROOT / "docs" / "bench"
_BLOCK = re.compile(r"(?s)(<!-- results -->\n).*(<!-- end of results -->)")
_HEAD = ("what", "unit", "median", "p95", "against", "its median", "ratio", "goal", "met")


def machine() -> dict[str, str]:
    """Where and when."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": said("git", "rev-parse", "--short", "HEAD"),
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "system": platform.platform(terse=True),
        "Python": platform.python_version(),
        "Node": said("node", "--version"),
        "Chromium": said(parts.chromium(), "--version"),
        "command": " ".join(["python -m tests.bench", *sys.argv[1:]]),
    }


def said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "none"


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


# -- tables ---------------------------------------------------------------------------------------


def cells(row: Row) -> tuple[str, ...]:
    beside = f"{statistics.median(row.beside):,.2f}" if row.beside else ""
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    goal = "" if row.goal is None else f"{row.goal:.2f}"
    met = {None: "", True: "yes", False: "no"}[row.met]
    figures = (f"{row.median:,.2f}", f"{row.p95:,.2f}", row.against, beside, ratio, goal, met)
    return (row.what, row.unit, *figures)


def table(rows: Iterable[Row]) -> str:
    """For the terminal, in columns."""
    lines = [_HEAD, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = list(head)
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines]) + "\n"


def page(about: dict[str, str], sections: list[Section], plotted: Iterable[str]) -> str:
    """The part of BENCHMARKS.md that a run writes."""
    parts_of_page = [markdown(("", ""), about.items())]
    parts_of_page += [f"![{name}](docs/bench/{name}.svg)\n" for name in plotted]
    for section in sections:
        parts_of_page.append(f"### {section.title}\n\n{section.method}\n")
        parts_of_page.append(markdown(_HEAD, map(cells, section.rows)))
        parts_of_page += extras(section)
    listed = ((n, f"${p.dollars:g} per {p.per:,.0f}", p.source) for n, p in prices.LISTED.items())
    parts_of_page.append("### Prices\n\n" + markdown(("what", "list price", "source"), listed))
    return "\n".join(parts_of_page)


def extras(section: Section) -> Iterator[str]:
    """Tables of what is no sample."""
    facts = section.facts
    if bills := facts.get("bills"):
        columns = ("set-up", "billed", "in", "out", "bytes", "$ per million", "what passed")
        yield markdown(columns, [bill_cells(name, each[-1]) for name, each in bills.items()])
    if month := facts.get("month"):
        head = (f"{month['people']:,} people connected for a month", "$")
        spent = {"connection minutes": month["minutes"]}
        spent |= {f"heartbeats: {name}": cost for name, cost in month["heartbeats"].items()}
        yield markdown(head, [(name, f"{cost:,.2f}") for name, cost in spent.items()])
    if calls := facts.get("calls"):
        yield markdown(("operation", "AWS calls"), calls.items())
    if imports := facts.get("imports"):
        modules = ("import of app.py: module", "ms of its own, with -X importtime")
        yield markdown(modules, [(m["module"], f"{m['own_us'] / 1000:.1f}") for m in imports[:12]])


def bill_cells(name: str, bill: dict[str, object]) -> tuple[str, ...]:
    kinds = bill["kinds"]
    assert isinstance(kinds, dict)
    passed = ", ".join(f"{times} {kind}" for kind, times in kinds.items())
    keys = ("billed", "in", "out", "bytes", "dollars_per_million")
    return (name, *(str(bill[key]) for key in keys), passed)


# -- plots ----------------------------------------------------------------------------------------

_GROWTH = re.compile(r"(join|signal|leave), (\d+) (members|rooms)")


def growth(section: Section, over: str) -> str:
    """Medians of join, signal and leave over a number of members or rooms, and their floors."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in section.rows:
        found = _GROWTH.fullmatch(row.what)
        if found and found[3] == over and row.unit == "ms wall":
            points.setdefault(found[1], []).append((float(found[2]), row.median))
            floor = (float(found[2]), statistics.median(row.beside))
            points.setdefault(f"{found[1]}, bare calls", []).append(floor)
    drawn = [
        plots.Line(name, line, dashed=bool(order % 2), colour=order // 2)
        for order, (name, line) in enumerate(points.items())
    ]
    return plots.lines(f"Handler time by {over}", over, "ms", drawn)


def cold(section: Section) -> str:
    drawn = []
    for row in section.rows:
        if row.unit == "ms CPU" and row.against == "clients made":
            name = row.what.removeprefix("cold ")
            drawn.append(plots.Bar(name, row.median))
            drawn.append(plots.Bar("floor", statistics.median(row.beside), 1))
    return plots.bars("Cold start, CPU time", "ms", drawn)


def set_up(section: Section) -> str:
    drawn = [
        plots.Bar(row.what.removeprefix("set-up, "), row.median, int("Parley" not in row.what))
        for row in section.rows
        if row.unit == "messages"
    ]
    return plots.bars("A call between two: messages billed", "", drawn)


def plotted(sections: dict[str, Section]) -> dict[str, str]:
    """Every plot that can be drawn, by name."""
    found = {}
    if section := sections.get("cold"):
        found["cold-start"] = cold(section)
    if section := sections.get("callers"):
        found["set-up"] = set_up(section)
    if section := sections.get("growth"):
        found["growth-members"] = growth(section, "members")
        found["growth-rooms"] = growth(section, "rooms")
    return found


def raw(about: dict[str, str], sections: dict[str, Section]) -> str:
    """Every number that was taken."""
    taken = {name: asdict(section) for name, section in sections.items()}
    return json.dumps({"about": about, "sections": taken})


def publish(about: dict[str, str], sections: dict[str, Section]) -> None:
    """Renew BENCHMARKS.md and its plots."""
    drawn = plotted(sections)
    PLOTS.mkdir(parents=True, exist_ok=True)
    for name, picture in drawn.items():
        (PLOTS / f"{name}.svg").write_text(picture)
    (PLOTS / "raw.json").write_text(raw(about, sections))
    results = page(about, list(sections.values()), drawn)
    renewed = _BLOCK.sub(
        lambda found: found[1] + "\n" + results + "\n" + found[2], PAGE.read_text()
    )
    PAGE.write_text(renewed)
