"""Bar charts as one SVG file without any library, for light pages and dark ones."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from versus.figures import OURS, Row

WIDTH: Final = 760
_LABEL, _VALUE, _BAR, _GAP, _HEAD, _GUTTER = 92, 64, 16, 7, 40, 28
_STYLE: Final = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .note { fill: #59636e; font-size: 12px }
  .value { font-variant-numeric: tabular-nums }
  .bar { fill: #b6bfc9 }
  .ours { fill: #0b6e99 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .bar { fill: #4b545f }
    .ours { fill: #4cb5e0 }
  }
"""


def chart(panels: Sequence[tuple[str, Row]], titles: dict[str, str], description: str) -> str:
    """Two panels side by side in each line, each the bars of one row.

    Args:
        panels: title and figures of each.
        titles: what systems are called, in the order of their bars.
        description: for those who do not see it.
    """
    width = (WIDTH - _GUTTER) / 2
    drawn = []
    top = 0.0
    for first in range(0, len(panels), 2):
        pair = panels[first : first + 2]
        for column, (title, row) in enumerate(pair):
            drawn.append(_panel(title, row, titles, column * (width + _GUTTER), top, width))
        top += max(_height(row, titles) for _, row in pair)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:.0f}"'
        f' width="{WIDTH}" height="{top:.0f}" role="img" aria-labelledby="d">\n'
        f'<title id="d">{escape(description)}</title>\n<style>{_STYLE}</style>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _height(row: Row, titles: dict[str, str]) -> float:
    return _HEAD + len(_shown_in(row, titles)) * (_BAR + _GAP) + 14


def _shown_in(row: Row, titles: dict[str, str]) -> list[str]:
    return [name for name in titles if name in row.values]


def _panel(
    title: str, row: Row, titles: dict[str, str], left: float, top: float, width: float
) -> str:
    longest = max(row.values.values(), default=0) or 1
    room = width - _LABEL - _VALUE
    better = "more is better" if row.more_is_better else "less is better"
    unit = f"{row.unit}, {better}" if row.unit else better
    lines = [
        f'<g transform="translate({left:.0f} {top:.0f})">',
        f'<text class="title" x="0" y="16">{escape(title)}</text>',
        f'<text class="note" x="0" y="32">{escape(unit)}</text>',
    ]
    for number, system in enumerate(_shown_in(row, titles)):
        y = _HEAD + number * (_BAR + _GAP)
        value = row.values[system]
        length = max(1.0, room * value / longest)
        kind = "bar ours" if system == OURS else "bar"
        end = _LABEL + length + 6
        box = f'x="{_LABEL}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2"'
        lines += [
            f'<text x="0" y="{y + 13}">{escape(titles[system])}</text>',
            f'<rect class="{kind}" {box}/>',
            f'<text class="value" x="{end:.1f}" y="{y + 13}">{row.shown(system)}</text>',
        ]
    return "\n".join([*lines, "</g>"])
