"""The gate's attempts, what a running service answered after a move, what was told to whom, and pruned versions."""

import sqlalchemy as sa
from alembic import op

from contracts.migrations.append_only import make_append_only

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _create_attempts()
    _create_aftermath()
    op.create_table(
        "pruned_versions",
        sa.Column("model_name", sa.Text(), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("pruned_at", sa.DateTime(timezone=True), nullable=False),
    )
    make_append_only("pruned_versions", ("model_name", "version"))


def _create_attempts() -> None:
    op.create_table(
        "gate_attempts",
        sa.Column("attempt_id", sa.Integer(), primary_key=True),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("champion", sa.Integer(), nullable=False),
        sa.Column("challenger", sa.Integer(), nullable=False),
        sa.Column("build_id", sa.Integer(), nullable=False),
        sa.Column("date_to", sa.Date(), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("model_name", "champion", "number", name="one_number"),
    )
    make_append_only("gate_attempts", ("attempt_id",))


def _create_aftermath() -> None:
    op.create_table(
        "promotion_proofs",
        sa.Column("proof_id", sa.Integer(), primary_key=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "outcome",
            sa.Text(),
            sa.CheckConstraint("outcome IN ('answered', 'other_version', 'no_service')"),
            nullable=False,
        ),
        sa.Column("address", sa.Text()),
        sa.Column("sha256", sa.Text()),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_promotion_proofs_seq", "promotion_proofs", ["seq"])
    make_append_only("promotion_proofs", ("proof_id",))
    op.create_table(
        "notifications",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("address", sa.Text(), primary_key=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
    )
    make_append_only("notifications", ("seq", "address"))
