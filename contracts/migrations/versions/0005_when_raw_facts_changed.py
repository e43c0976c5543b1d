"""A mark that changes with every raw fact, whoever changes it, and what was expected of the facts at a mark."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

RAW = (  # as contracts.tables.RAW_TABLES was then
    *("games", "player_games", "shot_zones", "points_lines", "injuries", "players", "teams", "game_lines"),
    "ingests",
)
VERBS = ("INSERT", "UPDATE", "DELETE")


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    anything_new = "hex(randomblob(16))" if is_sqlite else "gen_random_uuid()::text"
    op.create_table(
        "raw_mark",
        sa.Column("id", sa.Integer(), sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
        sa.Column("mark", sa.Text(), nullable=False),
    )
    op.execute(f"INSERT INTO raw_mark (id, mark) VALUES (1, {anything_new})")  # noqa: S608
    op.create_table(
        "expected_inputs",
        sa.Column("asked", sa.Text(), primary_key=True),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("hashes", sa.JSON(), nullable=False),
    )
    (_watch_sqlite if is_sqlite else _watch_postgresql)(f"UPDATE raw_mark SET mark = {anything_new}")  # noqa: S608


def _watch_sqlite(change: str) -> None:
    for table in RAW:
        for verb in VERBS:
            op.execute(f"CREATE TRIGGER raw_mark_{table}_{verb.lower()} AFTER {verb} ON {table} BEGIN {change}; END")


def _watch_postgresql(change: str) -> None:
    op.execute(
        f"CREATE FUNCTION change_raw_mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {change}; RETURN NULL; END $$"
    )
    for table in RAW:
        op.execute(
            f"CREATE TRIGGER raw_mark_{table} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION change_raw_mark()"
        )
