"""Events on their way out and in, and what did not happen though it was expected."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("event_id", sa.Text(), primary_key=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("build_id", sa.Integer(), sa.ForeignKey("builds.build_id")),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_outbox_recorded_at", "outbox", ["recorded_at"])
    op.create_table(
        "event_deliveries",
        sa.Column("event_id", sa.Text(), sa.ForeignKey("outbox.event_id"), primary_key=True),
        sa.Column("address", sa.Text(), primary_key=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
    )
    _create_inbox()
    _create_alarms()


def _create_inbox() -> None:
    op.create_table(
        "event_inbox",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("event_id", sa.Text(), primary_key=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("game_date", sa.Date()),
        sa.Column("builder", sa.Text()),
        sa.Column("status", sa.Text(), sa.CheckConstraint("status IN ('complete', 'partial', 'failed')")),
        sa.Column("n_rows", sa.Integer()),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ignored", sa.Text()),
    )
    op.create_index("ix_event_inbox_game_date", "event_inbox", ["game_date"])


def _create_alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("alarm_id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True)),
    )
    standing = sa.text("resolved_at IS NULL")
    op.create_index(
        "alarms_standing", "alarms", ["name", "subject"], unique=True, sqlite_where=standing, postgresql_where=standing
    )
