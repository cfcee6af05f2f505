"""Charts as SVG: the same figures give the same bytes, and the text follows the reader's colours.

python benchmarks/charts.py        # results/task_path.json -> docs/images/task_path_<workload>.svg
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
#: workload -> the figure that is shown, and what it is called
SHOWN = {
    "chain40": ("wall_s", "seconds for a chain of 40 light tasks"),
    "fanout100": ("tasks_per_s", "tasks per second, fan-out of 100"),
    "fanout1000": ("tasks_per_s", "tasks per second, fan-out of 1,000"),
}
WIDTH, ROW, LEFT, RIGHT, TOP = 720, 26, 190, 70, 40
#: of a pair: the height of each of its two bars; on either side of them stands a sentence
HALF, WIDE_LEFT, WIDE_RIGHT = 14, 300, 150
#: of one line among several, with its title above
PANEL, DRAWN = 110, 70
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600}.o{fill:#8c959f}.f{fill:#0969da}"
    ".l{fill:none;stroke:#0969da;stroke-width:1.5}.a{stroke:#8c959f}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.o{fill:#6e7681}.f{fill:#4493f8}.l{stroke:#4493f8}}"
)


def images(results: Mapping[str, Any]) -> Mapping[Path, str]:
    """Path -> text of each chart, with the most slots that there are figures of."""
    drawn = {}
    systems = results["slots"][max(results["slots"], key=int)]
    for workload, (key, title) in SHOWN.items():
        bars = [
            (of["about"]["title"], float(found["median"][key]))
            for of in systems.values()
            if "median" in (found := of["workloads"].get(workload, {}))
        ]
        if bars:
            drawn[IMAGES / f"task_path_{workload}.svg"] = bar_chart(f"{title} (logarithmic)", bars)
    return drawn


def bar_chart(title: str, bars: Sequence[tuple[str, float]]) -> str:
    """Horizontal bars on a logarithmic scale, each with its value; those of airfleet are coloured."""
    return _svg(title, TOP + ROW * len(bars) + 8, _rows(bars))


@dataclass(frozen=True)
class Pair:
    """A figure of airfleet and the same of another system: infinite when it never came, None when there is none."""

    name: str
    ours: float
    theirs: float | None
    #: what else has to be known of the other
    remark: str = ""


def pair_chart(title: str, pairs: Sequence[Pair], least: float) -> str:
    """Two bars for each pair on one logarithmic scale that begins at ``least``; *never* goes to its end, – has none."""
    return _svg(title, TOP + (2 * HALF + 8) * len(pairs) + 8, _pairs(pairs, least))


@dataclass(frozen=True)
class Panel:
    """One line: (minutes, value) from left to right, on a scale of its own that begins at 0."""

    title: str
    points: Sequence[tuple[float, float]]
    form: str = "{:.3g}"


def line_chart(title: str, panels: Sequence[Panel]) -> str:
    """Lines below one another over the same minutes, each with its last value."""
    return _svg(title, TOP + PANEL * len(panels) + 8, _lines(panels))


def _svg(title: str, height: int, drawn: Iterator[str]) -> str:
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{escape(title)}</title>',
            f"<style>{STYLE}</style>",
            f'<text class="t" x="8" y="22">{escape(title)}</text>',
            *drawn,
            "</svg>\n",
        )
    )


def _lines(panels: Sequence[Panel]) -> Iterator[str]:
    last = max(minute for panel in panels for minute, _ in panel.points)
    right = WIDTH - RIGHT
    for number, panel in enumerate(panels):
        top, most = TOP + PANEL * number + 24, max(value for _, value in panel.points) or 1.0
        heights = [(minute, top + DRAWN * (1 - value / most)) for minute, value in panel.points]
        places = " ".join(f"{8 + (right - 8) * minute / last:.1f},{y:.1f}" for minute, y in heights)
        (_, value), (_, y) = panel.points[-1], heights[-1]
        yield f'<text x="8" y="{top - 8}">{escape(panel.title)}</text>'
        yield f'<line class="a" x1="8" y1="{top + DRAWN}" x2="{right}" y2="{top + DRAWN}"/>'
        yield f'<polyline class="l" points="{places}"/>'
        yield f'<text x="{right + 6}" y="{y + 4:.0f}">{panel.form.format(value)}</text>'


def _rows(bars: Sequence[tuple[str, float]]) -> Iterator[str]:
    least = min(value for _, value in bars)
    longest = max(_length(value, least) for _, value in bars)
    for number, (name, value) in enumerate(bars):
        y = TOP + ROW * number
        width = round((WIDTH - LEFT - RIGHT) * _length(value, least) / longest)
        kind = "f" if name.startswith("airfleet") else "o"
        yield f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect class="{kind}" x="{LEFT}" y="{y + 3}" width="{width}" height="17"/>'
        yield f'<text x="{LEFT + width + 6}" y="{y + 16}">{_number(value)}</text>'


def _pairs(pairs: Sequence[Pair], least: float) -> Iterator[str]:
    drawn = [value for pair in pairs for value in (pair.ours, pair.theirs) if value and math.isfinite(value)]
    longest = max(_length(value, least) for value in drawn)
    for number, pair in enumerate(pairs):
        top = TOP + (2 * HALF + 8) * number
        yield f'<text x="{WIDE_LEFT - 8}" y="{top + HALF + 5}" text-anchor="end">{escape(pair.name)}</text>'
        for y, kind, value, remark in ((top, "f", pair.ours, ""), (top + HALF, "o", pair.theirs, pair.remark)):
            width = round((WIDTH - WIDE_LEFT - WIDE_RIGHT) * _share(value, least, longest))
            if width:
                yield f'<rect class="{kind}" x="{WIDE_LEFT}" y="{y}" width="{width}" height="{HALF - 1}"/>'
            yield f'<text x="{WIDE_LEFT + width + 6}" y="{y + HALF - 2}">{escape(_shown(value) + remark)}</text>'


def _share(value: float | None, least: float, longest: float) -> float:
    """Of the width: what one of a pair takes."""
    if value is None:
        return 0.0
    return _length(max(value, least), least) / longest if math.isfinite(value) else 1.0


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return _number(value) if math.isfinite(value) else "never"


def _length(value: float, least: float) -> float:
    """Of a bar: the least value has one unit, ten times as much one more."""
    return 1 + math.log10(value / least)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
