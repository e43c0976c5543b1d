"""The ledger of looks at a test season, and each build's quality verdict."""

import sqlalchemy as sa
from alembic import op

from contracts.migrations.append_only import make_append_only

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("builds", sa.Column("quality", sa.JSON()))
    op.create_table(
        "backtest_looks",
        sa.Column("look_id", sa.Integer(), primary_key=True),
        sa.Column("test_season", sa.Integer(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("hyperparameters", sa.JSON(), nullable=False),
        sa.Column("feature_set", sa.Text(), nullable=False),
        sa.Column("feature_set_hash", sa.Text(), nullable=False),
        sa.Column("build_id", sa.Integer(), nullable=False),
        sa.Column("dataset_sha256", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("retrain", sa.Text(), sa.CheckConstraint("retrain IN ('none', 'monthly')"), nullable=False),
        sa.Column("populations", sa.JSON(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_backtest_looks_test_season", "backtest_looks", ["test_season"])
    make_append_only("backtest_looks", ("look_id",))
