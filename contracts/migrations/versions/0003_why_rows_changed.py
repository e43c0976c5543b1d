"""Why rows changed: which build computed which date from what; builds that were pruned; each row's maker in a view."""

import sqlalchemy as sa
from alembic import op

from contracts.tables import provenance_view

revision = "0003"
down_revision = "0002"

BUILDERS = (
    "team_defense_zone_analysis",
    "player_shot_zone_analysis",
    "player_daily_cache",
    "player_composite_factors",
)


def upgrade() -> None:
    op.add_column("builds", sa.Column("inputs", sa.JSON()))
    op.add_column("builds", sa.Column("pruned_at", sa.DateTime(timezone=True)))
    _create_histories()
    _show_makers()


def _create_histories() -> None:
    op.create_table(
        "build_dates",
        sa.Column("build_id", sa.Integer(), sa.ForeignKey("builds.build_id"), primary_key=True),
        sa.Column("game_date", sa.Date(), primary_key=True),
        sa.Column("inputs_hash", sa.Text(), nullable=False),
    )
    # of what was built before this migration the newest unit of each date is known
    op.execute(
        "INSERT INTO build_dates (build_id, game_date, inputs_hash) "
        "SELECT DISTINCT build_id, game_date, inputs_hash FROM build_units"
    )
    op.create_table(
        "raw_digests",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("game_date", sa.Date(), primary_key=True),
        sa.Column("from_build", sa.Integer(), sa.ForeignKey("builds.build_id"), primary_key=True),
        sa.Column("digest", sa.Text()),
    )


def _show_makers() -> None:
    feature_tables = [name for name in sa.inspect(op.get_bind()).get_table_names() if name.startswith("ml_feature_")]
    for table in feature_tables:
        op.add_column(table, sa.Column("settled_build", sa.Integer()))
    for table in (*BUILDERS, *feature_tables):
        op.execute(provenance_view(table))
