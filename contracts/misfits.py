"""Values that SQLite keeps although their column is of another kind: found, and told with table, column and row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from contracts.errors import TipoffError

_PYTHON: dict[str, Any] = {"Int64": int, "Float64": (int, float), "String": str, "Boolean": int}
_TEXTS: dict[str, Callable[[str], object]] = {"Date": date.fromisoformat, "Datetime": datetime.fromisoformat}
_CALLED = {"Int64": "a whole number", "Float64": "a number", "String": "text", "Boolean": "0 or 1", "Date": "a date"}


def misfit_in(connection: sa.Connection, query: sa.Select[Any], types: Mapping[str, Any]) -> TipoffError | None:
    """What to raise for the first value of `query` that is not of its Polars type in `types`; None: all are."""
    tables = [getattr(column, "table", None) for column in query.selected_columns]
    with connection.execute(query) as result:
        rows = result.cursor.fetchall() if result.cursor is not None else []
    for row in rows:
        for value, table, (name, kind) in zip(row, tables, types.items(), strict=True):
            if value is not None and not _fits(value, kind):
                column = name if table is None else f"{table.name}.{name}"
                return _told(column, value, kind, dict(zip(types, row[:4], strict=False)))
    return None


def _told(column: str, value: Any, kind: Any, row: Mapping[str, Any]) -> TipoffError:
    called = _CALLED.get(str(kind.base_type()), "a time")
    where = ", ".join(f"{name}={each!r}" for name, each in row.items())
    return TipoffError(
        f"{column} holds {value!r}, which is not {called}, in the row {where}.",
        remedy="Something other than tipoff wrote it: correct or delete that row.",
    )


def _fits(value: Any, kind: Any) -> bool:
    """Whether the driver's `value` can be read as `kind`."""
    reads = _TEXTS.get(str(kind.base_type()))
    if reads is None:
        return isinstance(value, _PYTHON.get(str(kind.base_type()), object))
    try:
        reads(value)
    except (TypeError, ValueError):
        return False
    return True
