"""What runs by itself and what watches it: job runs, readings and states of monitors, digests; prices in grades."""

import sqlalchemy as sa
from alembic import op

from contracts.migrations.append_only import make_append_only

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for name in ("price", "profit", "closing_line"):
        op.add_column("grades", sa.Column(name, sa.Float()))
    _create_alarms()
    _create_job_runs()
    _create_monitors()
    _create_batch_digests()


def _create_alarms() -> None:
    """Anew, with their origin: those that stand are found again at the next look."""
    op.drop_table("alarms")
    op.create_table(
        "alarms",
        sa.Column("alarm_id", sa.Integer(), primary_key=True),
        sa.Column("origin", sa.Text(), nullable=False),
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
        "alarms_standing",
        "alarms",
        ["origin", "name", "subject"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    op.create_table(
        "alarm_deliveries",
        sa.Column("alarm_id", sa.Integer(), sa.ForeignKey("alarms.alarm_id"), primary_key=True),
        sa.Column("kind", sa.Text(), sa.CheckConstraint("kind IN ('raised', 'resolved')"), primary_key=True),
        sa.Column("address", sa.Text(), primary_key=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
    )


def _create_job_runs() -> None:
    states = sa.CheckConstraint("state IN ('running', 'done', 'skipped', 'failed')")
    op.create_table(
        "job_runs",
        sa.Column("run_id", sa.Integer(), primary_key=True),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("game_date", sa.Date()),
        sa.Column("state", sa.Text(), states, nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("figures", sa.JSON()),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_index("job_runs_by_job", "job_runs", ["job", "game_date"])


def _create_monitors() -> None:
    states = sa.CheckConstraint("state IN ('healthy', 'watch', 'degraded', 'blocked')")
    op.create_table(
        "monitor_readings",
        sa.Column("monitor", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("game_date", sa.Date(), primary_key=True),
        sa.Column("value", sa.Float()),
        sa.Column("limit_value", sa.Float()),
        sa.Column("n", sa.Integer()),
        sa.Column("is_bad", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "monitor_states",
        sa.Column("monitor", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), states, nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("n_bad", sa.Integer(), nullable=False),
        sa.Column("n_good", sa.Integer(), nullable=False),
        sa.Column("game_date", sa.Date(), nullable=False),
    )


def _create_batch_digests() -> None:
    op.create_table(
        "batch_digests",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("n_predictions", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("history_head", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, unique=True),
    )
    make_append_only("batch_digests", ("seq",))
