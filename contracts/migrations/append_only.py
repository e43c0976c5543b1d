"""Tables whose rows stay as they were written: triggers refuse every change. Migrations use it, so it is frozen."""

from __future__ import annotations

from alembic import op


def make_append_only(table: str, key: tuple[str, ...]) -> None:
    """Let the database refuse to change, replace or delete a row of `table`, whose rows are known by `key`."""
    protect = _protect_sqlite if op.get_bind().dialect.name == "sqlite" else _protect_postgresql
    protect(table, key)


def _protect_sqlite(table: str, key: tuple[str, ...]) -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    # INSERT OR REPLACE deletes without asking the trigger on DELETE
    same = f"SELECT 1 FROM {table} WHERE " + " AND ".join(f"{column} = NEW.{column}" for column in key)  # noqa: S608
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({same}) "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _protect_postgresql(table: str, _key: tuple[str, ...]) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )
