"""Batches, their ledger (one row a date, revision, system and player-game), and the rows that were given up."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ENDED = "('predicted', 'skipped', 'failed')"


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Text(), primary_key=True),
        sa.Column("game_date", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), sa.CheckConstraint("revision >= 1"), nullable=False),
        sa.Column("inputs_hash", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("game_date", "revision", name="one_revision"),
    )
    _create_ledger()
    op.create_table(
        "dead_letters",
        sa.Column("dead_letter_id", sa.Integer(), primary_key=True),
        sa.Column("batch_id", sa.Text(), sa.ForeignKey("batches.batch_id"), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("player_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("died_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_dead_letters_batch_id", "dead_letters", ["batch_id"])


def _create_ledger() -> None:
    states = "state IN ('waiting', 'claimed', 'predicted', 'skipped', 'failed')"
    op.create_table(
        "ledger",
        sa.Column("batch_id", sa.Text(), sa.ForeignKey("batches.batch_id"), primary_key=True),
        sa.Column("system", sa.Text(), primary_key=True),
        sa.Column("game_id", sa.Text(), primary_key=True),
        sa.Column("player_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("model_version", sa.Integer()),
        sa.Column("state", sa.Text(), sa.CheckConstraint(states), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("attempt", sa.Integer(), sa.CheckConstraint("attempt >= 0"), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True)),
        sa.Column("worker", sa.Text()),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("prediction_id", sa.Integer(), sa.ForeignKey("predictions.prediction_id")),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("(state = 'claimed') = (leased_until IS NOT NULL)", name="a_claim_has_a_lease"),
        sa.CheckConstraint("(state = 'predicted') = (prediction_id IS NOT NULL)", name="predicted_is_stored"),
        sa.CheckConstraint(f"(state IN {ENDED}) = (ended_at IS NOT NULL)", name="an_end_has_a_time"),
        sa.CheckConstraint("state NOT IN ('skipped', 'failed') OR reason IS NOT NULL", name="no_silent_end"),
    )
    op.create_index("ledger_by_state", "ledger", ["state", "batch_id", "system"])
