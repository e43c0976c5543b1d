"""Markup that cannot be broken into: every text is escaped where it is put in, and only `h` makes tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

VOID = frozenset({"meta", "input", "br", "line", "rect", "circle", "polyline", "polygon"})
"""Tags without an end."""


class Html(str):
    """Markup, safe as it stands."""

    __slots__ = ()


def h(tag: str, *children: object, **attributes: object) -> Html:
    """<tag attributes>children</tag>.

    A child is Html, or anything else, which is escaped; None is left out; a list of children is taken one by one.
    An attribute's name is written `class_` for class and `stroke_width` for stroke-width; None is left out.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{given}/>" if tag in VOID else f"<{tag}{given}>{join(*children)}</{tag}>")


def join(*children: object) -> Html:
    """The children one after the other, as `h` takes them."""
    return Html("".join(_child(child) for child in children))


def section(title: str, *body: object, about: str | None = None) -> Html:
    """A part of the page under its title; `about` says what its figures are about."""
    return h("section", h("h2", title), h("p", about, class_="muted") if about else None, *body)


def nothing(why: str) -> Html:
    """What stands where there is nothing to show, never an empty place; `commands` in it are set as code."""
    parts = [h("code", part) if place % 2 else part for place, part in enumerate(why.split("`"))]
    return h("p", parts, class_="nothing")


def mark(text: object, kind: str) -> Html:
    """A word on a coloured ground; `kind` is good, watch, bad or quiet."""
    return h("span", text, class_=f"mark {kind}")


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, whether it holds numbers, and whether a narrow table does without it."""

    title: str
    is_number: bool = False
    is_extra: bool = False

    @property
    def style(self) -> str | None:
        """The classes of its cells."""
        return " ".join(["number"] * self.is_number + ["extra"] * self.is_extra) or None


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, is_narrow: bool = False) -> Html:
    """A table. On a phone each row is a block whose cells bear their column's title; a narrow one stays a table, and
    leaves its extra columns out there."""
    head = h("tr", [h("th", each.title, class_=each.style) for each in columns])
    body = [h("tr", [_cell(column, value) for column, value in zip(columns, row, strict=True)]) for row in rows]
    return h("table", h("thead", head), h("tbody", body), class_="narrow" if is_narrow else "wide")


def details(summary: str, *body: object) -> Html:
    """Something to unfold."""
    return h("details", h("summary", summary), *body)


def document(title: str, style: str, *body: object, head: object = None) -> Html:
    """A whole page that fetches nothing; `head` goes into its head."""
    inside = (
        h("meta", charset="utf-8"),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="color-scheme", content="light dark"),
        h("title", title),
        h("style", Html(style)),
        head,
    )
    return join(Html("<!doctype html>"), h("html", h("head", *inside), h("body", *body), lang="en"))


def _cell(column: Column, value: object) -> Html:
    shown = "-" if value is None or value == "" else value
    return h("td", shown, data_title=column.title, class_=column.style)


def _child(child: object) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, list | tuple):
        return join(*child)
    return escape(str(child))
