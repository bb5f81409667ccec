"""Plots as small SVG files, in colours that stand on light and on dark ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 40, 44
COLOURS = ("#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed")
INK = "#71717a"


@dataclass(frozen=True)
class Line:
    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    colour: int = 0


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    colour: int = 0


def lines(title: str, x_label: str, y_label: str, drawn: Sequence[Line]) -> str:
    """Lines over a logarithmic x, from zero upwards."""
    xs = sorted({x for line in drawn for x, _ in line.points})
    top = nice(max(y for line in drawn for _, y in line.points))
    low, span = math.log(xs[0]), math.log(xs[-1] / xs[0]) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        right = LEFT + (math.log(x) - low) / span * (WIDTH - LEFT - RIGHT)
        return right, HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)

    parts = [*frame(title, x_label, y_label, top)]
    parts += [text(place(x, 0)[0], HEIGHT - BOTTOM + 16, number(x), "middle") for x in xs]
    for order, line in enumerate(drawn):
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in line.points)
        dash = ' stroke-dasharray="4 4"' if line.dashed else ""
        colour = COLOURS[line.colour]
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        parts.append(legend(order, line.name, colour, line.dashed))
    return picture(title, parts)


def bars(title: str, unit: str, drawn: Sequence[Bar]) -> str:
    """Horizontal bars, each with its value."""
    height = TOP + 26 * len(drawn) + 12
    most = max(bar.value for bar in drawn)
    left = 230
    parts = [text(12, 24, title, weight="600")]
    for order, bar in enumerate(drawn):
        y = TOP + 26 * order
        width = bar.value / most * (WIDTH - left - 110)
        parts.append(text(left - 8, y + 14, bar.name, "end"))
        parts.append(
            f'<rect x="{left}" y="{y}" width="{width:.1f}" height="18" rx="2"'
            f' fill="{COLOURS[bar.colour]}"/>'
        )
        parts.append(text(left + width + 6, y + 14, f"{number(bar.value)} {unit}"))
    return picture(title, parts, height)


def frame(title: str, x_label: str, y_label: str, top: float) -> list[str]:
    parts = [
        text(12, 24, title, weight="600"),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_label, "middle"),
        text(LEFT - 8, TOP - 6, y_label, "end"),
    ]
    for step in range(5):
        y = HEIGHT - BOTTOM - step / 4 * (HEIGHT - TOP - BOTTOM)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
            f' stroke="{INK}" stroke-opacity="0.3"/>'
        )
        parts.append(text(LEFT - 8, y + 4, number(top * step / 4), "end"))
    return parts


def legend(order: int, name: str, colour: str, dashed: bool) -> str:
    x, y = WIDTH - RIGHT + 12, TOP + 8 + 18 * order
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return (
        f'<line x1="{x}" x2="{x + 18}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"{dash}/>'
        + text(x + 24, y + 4, name)
    )


def text(x: float, y: float, words: str, anchor: str = "start", weight: str = "400") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
        f' fill="{INK}">{escape(words)}</text>'
    )


def picture(title: str, parts: Sequence[str], height: int = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="12">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def nice(value: float) -> float:
    """The next round number above."""
    magnitude = 10.0 ** math.floor(math.log10(value))
    return next(step * magnitude for step in (1, 2, 4, 5, 8, 10) if step * magnitude >= value)


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 or value == int(value) else f"{value:.3g}"
