"""Small pictures as inline SVG: they scale with the page and need nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT = 240, 56
GUTTER = 44


def histogram(now: Sequence[float], then: Sequence[float] | None, about: str) -> str:
    """Bars of shares now, with the outline of the shares then; `about` is read out where pictures are not seen."""
    top = max([*now, *(then or ()), 1e-9])
    step = WIDTH / len(now)
    bars = "".join(
        f'<rect x="{place * step + 0.5:.1f}" y="{HEIGHT * (1 - share / top):.1f}" width="{step - 1:.1f}" '
        f'height="{HEIGHT * share / top:.1f}" class="now"/>'
        for place, share in enumerate(now)
    )
    return _svg(bars + (_outline(then, top) if then else ""), WIDTH, HEIGHT, about)


def lines(series: Sequence[tuple[str, Sequence[float | None]]], about: str, height: int = 220) -> str:
    """Each (class, values 0-1) as dots over its place: one date beside the other; None is left out."""
    n = max((len(values) for _, values in series), default=1)
    width = 720
    grid = "".join(
        f'<line x1="{GUTTER}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        f'<text x="0" y="{min(y + 5, height - 4):.1f}" class="axis">{share:.0%}</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        for y in [8 + (height - 16) * (1 - share)]
    )
    dots = "".join(
        f'<circle cx="{GUTTER + (place + 0.5) * (width - GUTTER) / n:.1f}" r="2.2" class="{kind}" '
        f'cy="{8 + (height - 16) * (1 - value):.1f}"/>'
        for kind, values in series
        for place, value in enumerate(values)
        if value is not None
    )
    return _svg(grid + dots, width, height, about)


def _outline(shares: Sequence[float], top: float) -> str:
    step = WIDTH / len(shares)
    points = [f"0,{HEIGHT}"]
    for place, share in enumerate(shares):
        y = HEIGHT * (1 - share / top)
        points += [f"{place * step:.1f},{y:.1f}", f"{(place + 1) * step:.1f},{y:.1f}"]
    return f'<polyline points="{" ".join([*points, f"{WIDTH},{HEIGHT}"])}" class="then"/>'


def _svg(content: str, width: int, height: int, about: str) -> str:
    return f'<svg viewBox="0 -1 {width} {height + 2}" role="img" aria-label="{about}">{content}</svg>'
