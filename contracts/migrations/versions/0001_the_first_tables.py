"""The first tables, as they were then: this file does not follow contracts/tables.py."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = {"model_versions": ("model_name", "version"), "promotion_history": ("seq",)}
"""Tables whose rows stay as they were written, and what they are known by."""


def upgrade() -> None:
    _create_tables()
    protect = _protect_sqlite if op.get_bind().dialect.name == "sqlite" else _protect_postgresql
    for table, key in APPEND_ONLY.items():
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


def _create_tables() -> None:
    op.create_table(
        "builds",
        sa.Column("build_id", sa.Integer(), primary_key=True),
        sa.Column("feature_set", sa.Text(), nullable=False),
        sa.Column("feature_set_hash", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), sa.CheckConstraint("state IN ('running', 'done', 'failed')"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("n_rows", sa.Integer()),
        sa.Column("n_dates", sa.Integer()),
        sa.Column("failure", sa.Text()),
    )
    op.create_table(
        "game_lines",
        sa.Column("game_id", sa.Text(), primary_key=True),
        sa.Column("spread_home", sa.Float()),
        sa.Column("total", sa.Float()),
        sa.Column("spread_home_morning", sa.Float()),
        sa.Column("total_morning", sa.Float()),
    )
    op.create_table(
        "games",
        sa.Column("game_id", sa.Text(), sa.CheckConstraint("length(game_id) = 10"), primary_key=True),
        sa.Column("season", sa.Integer(), nullable=False),
        sa.Column(
            "season_type",
            sa.Text(),
            sa.CheckConstraint("season_type IN ('regular', 'playoffs', 'play_in', 'cup_final')"),
            nullable=False,
        ),
        sa.Column("game_date", sa.Date(), nullable=False),
        sa.Column("home_team_id", sa.Integer(), nullable=False),
        sa.Column("away_team_id", sa.Integer(), nullable=False),
        sa.Column("tip_off_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("home_team_id <> away_team_id", name="two_teams"),
    )
    op.create_index("ix_games_game_date", "games", ["game_date"], unique=False)
    op.create_table(
        "ingests",
        sa.Column("ingest_id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("n_changed", sa.Integer(), nullable=False),
        sa.Column("n_rejected", sa.Integer(), nullable=False),
        sa.Column("rejects_path", sa.Text()),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "injuries",
        sa.Column("player_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("reported_on", sa.Date(), primary_key=True),
        sa.Column(
            "status",
            sa.Text(),
            sa.CheckConstraint("status IN ('available', 'probable', 'questionable', 'day_to_day', 'doubtful', 'out')"),
            primary_key=True,
        ),
        sa.Column("note", sa.Text(), primary_key=True),
        sa.Column("captured_at", sa.DateTime(timezone=True)),
        sa.Column("entry", sa.Integer(), nullable=False),
    )
    op.create_table(
        "model_versions",
        sa.Column("model_name", sa.Text(), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("artifact_uri", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), sa.CheckConstraint("length(sha256) = 64"), nullable=False),
        sa.Column("feature_set", sa.Text(), nullable=False),
        sa.Column("feature_set_hash", sa.Text(), nullable=False),
        sa.Column("build_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("train_from", sa.Date()),
        sa.Column("train_to", sa.Date()),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "player_composite_factors",
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("player_id", sa.Integer(), nullable=False),
        sa.Column("game_date", sa.Date(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("fatigue_score", sa.Float()),
        sa.Column("shot_zone_mismatch_score", sa.Float()),
        sa.Column("pace_score", sa.Float()),
        sa.Column("usage_spike_score", sa.Float()),
        sa.Column("fatigue_score_unclamped", sa.Float()),
        sa.Column("shot_zone_mismatch_score_unclamped", sa.Float()),
        sa.Column("pace_score_unclamped", sa.Float()),
        sa.Column("usage_spike_score_unclamped", sa.Float()),
        sa.Column("games_last_7_days", sa.Float()),
        sa.Column("minutes_last_7_days", sa.Float()),
        sa.Column("back_to_backs_last_14_days", sa.Float()),
        sa.Column("n_stars_listed_out", sa.Float()),
        sa.Column("has_age", sa.Boolean()),
        sa.Column("has_injury_source", sa.Boolean()),
        sa.Column("max_source_date", sa.Date()),
        sa.Column("row_hash", sa.BigInteger(), nullable=False),
        sa.Column("from_build", sa.Integer(), nullable=False),
        sa.Column("to_build", sa.Integer()),
        sa.UniqueConstraint("game_id", "player_id", "from_build", name="player_composite_factors_one_row_a_build"),
    )
    op.create_index("player_composite_factors_by_date", "player_composite_factors", ["game_date"], unique=False)
    op.create_index(
        "player_composite_factors_current",
        "player_composite_factors",
        ["game_id", "player_id"],
        unique=True,
        sqlite_where=sa.text("to_build IS NULL"),
        postgresql_where=sa.text("to_build IS NULL"),
    )
    op.create_table(
        "player_daily_cache",
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("player_id", sa.Integer(), nullable=False),
        sa.Column("game_date", sa.Date(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("points_avg_last_5", sa.Float()),
        sa.Column("points_avg_last_10", sa.Float()),
        sa.Column("points_avg_season", sa.Float()),
        sa.Column("points_std_last_10", sa.Float()),
        sa.Column("games_in_last_7_days", sa.Float()),
        sa.Column("rest_advantage", sa.Float()),
        sa.Column("injury_risk", sa.Float()),
        sa.Column("recent_trend", sa.Float()),
        sa.Column("minutes_change", sa.Float()),
        sa.Column("back_to_back", sa.Float()),
        sa.Column("team_pace_last_10", sa.Float()),
        sa.Column("team_off_rating_last_10", sa.Float()),
        sa.Column("team_win_pct", sa.Float()),
        sa.Column("minutes_avg_last_10", sa.Float()),
        sa.Column("ppm_avg_last_10", sa.Float()),
        sa.Column("minutes_avg_season", sa.Float()),
        sa.Column("usage_last_3", sa.Float()),
        sa.Column("usage_last_10", sa.Float()),
        sa.Column("n_games_last_5", sa.Float()),
        sa.Column("n_games_last_10", sa.Float()),
        sa.Column("n_games_season", sa.Float()),
        sa.Column("n_team_games_last_10", sa.Float()),
        sa.Column("n_team_games_season", sa.Float()),
        sa.Column("rest_days", sa.Float()),
        sa.Column("team_rest_days", sa.Float()),
        sa.Column("opponent_rest_days", sa.Float()),
        sa.Column("age", sa.Float()),
        sa.Column("rest_advantage_unclamped", sa.Float()),
        sa.Column("listed_status", sa.Text()),
        sa.Column("max_source_date", sa.Date()),
        sa.Column("row_hash", sa.BigInteger(), nullable=False),
        sa.Column("from_build", sa.Integer(), nullable=False),
        sa.Column("to_build", sa.Integer()),
        sa.UniqueConstraint("game_id", "player_id", "from_build", name="player_daily_cache_one_row_a_build"),
    )
    op.create_index("player_daily_cache_by_date", "player_daily_cache", ["game_date"], unique=False)
    op.create_index(
        "player_daily_cache_current",
        "player_daily_cache",
        ["game_id", "player_id"],
        unique=True,
        sqlite_where=sa.text("to_build IS NULL"),
        postgresql_where=sa.text("to_build IS NULL"),
    )
    op.create_table(
        "player_games",
        sa.Column("game_id", sa.Text(), sa.CheckConstraint("length(game_id) = 10"), primary_key=True),
        sa.Column("player_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("season", sa.Integer(), nullable=False),
        sa.Column("season_type", sa.Text(), nullable=False),
        sa.Column("game_date", sa.Date(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("opponent_id", sa.Integer(), nullable=False),
        sa.Column("is_home", sa.Boolean(), nullable=False),
        sa.Column("won", sa.Boolean()),
        sa.Column("minutes", sa.Integer(), sa.CheckConstraint("minutes >= 0"), nullable=False),
        sa.Column("points", sa.Integer(), sa.CheckConstraint("points >= 0"), nullable=False),
        sa.Column("fgm", sa.Integer(), sa.CheckConstraint("fgm >= 0"), nullable=False),
        sa.Column("fga", sa.Integer(), sa.CheckConstraint("fga >= 0"), nullable=False),
        sa.Column("fg3m", sa.Integer(), sa.CheckConstraint("fg3m >= 0"), nullable=False),
        sa.Column("fg3a", sa.Integer(), sa.CheckConstraint("fg3a >= 0"), nullable=False),
        sa.Column("ftm", sa.Integer(), sa.CheckConstraint("ftm >= 0"), nullable=False),
        sa.Column("fta", sa.Integer(), sa.CheckConstraint("fta >= 0"), nullable=False),
        sa.Column("oreb", sa.Integer(), sa.CheckConstraint("oreb >= 0"), nullable=False),
        sa.Column("dreb", sa.Integer(), sa.CheckConstraint("dreb >= 0"), nullable=False),
        sa.Column("rebounds", sa.Integer(), sa.CheckConstraint("rebounds >= 0"), nullable=False),
        sa.Column("assists", sa.Integer(), sa.CheckConstraint("assists >= 0"), nullable=False),
        sa.Column("steals", sa.Integer(), sa.CheckConstraint("steals >= 0"), nullable=False),
        sa.Column("blocks", sa.Integer(), sa.CheckConstraint("blocks >= 0"), nullable=False),
        sa.Column("turnovers", sa.Integer(), sa.CheckConstraint("turnovers >= 0"), nullable=False),
        sa.Column("fouls", sa.Integer(), sa.CheckConstraint("fouls >= 0"), nullable=False),
        sa.Column("plus_minus", sa.Integer()),
        sa.CheckConstraint("2 * fgm + fg3m + ftm = points", name="points_add_up"),
        sa.CheckConstraint("fgm <= fga AND fg3m <= fg3a AND ftm <= fta AND fg3m <= fgm", name="made_of_attempted"),
        sa.CheckConstraint("oreb + dreb = rebounds", name="rebounds_add_up"),
        sa.CheckConstraint("team_id <> opponent_id", name="two_teams"),
    )
    op.create_index("ix_player_games_game_date", "player_games", ["game_date"], unique=False)
    op.create_table(
        "player_shot_zone_analysis",
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("player_id", sa.Integer(), nullable=False),
        sa.Column("game_date", sa.Date(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("pct_paint", sa.Float()),
        sa.Column("pct_mid_range", sa.Float()),
        sa.Column("pct_three", sa.Float()),
        sa.Column("pct_free_throw", sa.Float()),
        sa.Column("paint_share_last_10", sa.Float()),
        sa.Column("paint_pct_last_10", sa.Float()),
        sa.Column("mid_range_share_last_10", sa.Float()),
        sa.Column("mid_range_pct_last_10", sa.Float()),
        sa.Column("three_share_last_10", sa.Float()),
        sa.Column("three_pct_last_10", sa.Float()),
        sa.Column("two_point_share_last_10", sa.Float()),
        sa.Column("two_point_pct_last_10", sa.Float()),
        sa.Column("box_three_share_last_10", sa.Float()),
        sa.Column("box_three_pct_last_10", sa.Float()),
        sa.Column("paint_share_last_20", sa.Float()),
        sa.Column("paint_pct_last_20", sa.Float()),
        sa.Column("mid_range_share_last_20", sa.Float()),
        sa.Column("mid_range_pct_last_20", sa.Float()),
        sa.Column("three_share_last_20", sa.Float()),
        sa.Column("three_pct_last_20", sa.Float()),
        sa.Column("two_point_share_last_20", sa.Float()),
        sa.Column("two_point_pct_last_20", sa.Float()),
        sa.Column("box_three_share_last_20", sa.Float()),
        sa.Column("box_three_pct_last_20", sa.Float()),
        sa.Column("n_games_last_10", sa.Float()),
        sa.Column("n_games_last_20", sa.Float()),
        sa.Column("primary_zone", sa.Text()),
        sa.Column("zones", sa.Text()),
        sa.Column("max_source_date", sa.Date()),
        sa.Column("row_hash", sa.BigInteger(), nullable=False),
        sa.Column("from_build", sa.Integer(), nullable=False),
        sa.Column("to_build", sa.Integer()),
        sa.UniqueConstraint("game_id", "player_id", "from_build", name="player_shot_zone_analysis_one_row_a_build"),
    )
    op.create_index("player_shot_zone_analysis_by_date", "player_shot_zone_analysis", ["game_date"], unique=False)
    op.create_index(
        "player_shot_zone_analysis_current",
        "player_shot_zone_analysis",
        ["game_id", "player_id"],
        unique=True,
        sqlite_where=sa.text("to_build IS NULL"),
        postgresql_where=sa.text("to_build IS NULL"),
    )
    op.create_table(
        "players",
        sa.Column("player_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text()),
        sa.Column("position", sa.Text(), sa.CheckConstraint("position IN ('G', 'F', 'C')")),
        sa.Column("birth_date", sa.Date()),
    )
    op.create_table(
        "points_lines",
        sa.Column("game_id", sa.Text(), primary_key=True),
        sa.Column("player_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("book", sa.Text(), primary_key=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("line", sa.Float(), sa.CheckConstraint("line > 0 AND line < 100"), primary_key=True),
        sa.Column("tip_off_at", sa.DateTime(timezone=True)),
        sa.Column("over_price", sa.Float()),
        sa.Column("under_price", sa.Float()),
    )
    op.create_table(
        "predictions",
        sa.Column("prediction_id", sa.Integer(), primary_key=True),
        sa.Column("game_date", sa.Date(), nullable=False),
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("player_id", sa.Integer(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("model_sha256", sa.Text(), nullable=False),
        sa.Column("train_to", sa.Date()),
        sa.Column("feature_set", sa.Text(), nullable=False),
        sa.Column("build_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("predicted", sa.Float(), nullable=False),
        sa.Column("interval_low", sa.Float(), nullable=False),
        sa.Column("interval_high", sa.Float(), nullable=False),
        sa.Column("line", sa.Float()),
        sa.Column("over_probability", sa.Float(), sa.CheckConstraint("over_probability BETWEEN 0 AND 1")),
        sa.Column("predicted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("interval_low <= interval_high", name="interval_in_order"),
        sa.UniqueConstraint("game_id", "player_id", "system", "model_version", "build_id", name="one_prediction"),
    )
    op.create_index("ix_predictions_game_date", "predictions", ["game_date"], unique=False)
    op.create_table(
        "promotion_history",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "action",
            sa.Text(),
            sa.CheckConstraint("action IN ('register', 'promote', 'refuse', 'rollback', 'archive')"),
            nullable=False,
        ),
        sa.Column("from_stage", sa.Text(), nullable=False),
        sa.Column("to_stage", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("verdict", sa.JSON()),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.UniqueConstraint("hash"),
    )
    op.create_index("ix_promotion_history_model_name", "promotion_history", ["model_name"], unique=False)
    op.create_table(
        "shot_zones",
        sa.Column("game_id", sa.Text(), primary_key=True),
        sa.Column("player_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("paint_attempts", sa.Integer(), sa.CheckConstraint("paint_attempts >= 0"), nullable=False),
        sa.Column("paint_made", sa.Integer(), sa.CheckConstraint("paint_made >= 0"), nullable=False),
        sa.Column("mid_range_attempts", sa.Integer(), sa.CheckConstraint("mid_range_attempts >= 0"), nullable=False),
        sa.Column("mid_range_made", sa.Integer(), sa.CheckConstraint("mid_range_made >= 0"), nullable=False),
        sa.Column("three_attempts", sa.Integer(), sa.CheckConstraint("three_attempts >= 0"), nullable=False),
        sa.Column("three_made", sa.Integer(), sa.CheckConstraint("three_made >= 0"), nullable=False),
    )
    op.create_table(
        "team_defense_zone_analysis",
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("game_date", sa.Date(), nullable=False),
        sa.Column("defensive_rating", sa.Float()),
        sa.Column("pace", sa.Float()),
        sa.Column("n_games", sa.Float()),
        sa.Column("paint_pct_allowed", sa.Float()),
        sa.Column("paint_attempts_allowed", sa.Float()),
        sa.Column("paint_pct_minus_league", sa.Float()),
        sa.Column("mid_range_pct_allowed", sa.Float()),
        sa.Column("mid_range_attempts_allowed", sa.Float()),
        sa.Column("mid_range_pct_minus_league", sa.Float()),
        sa.Column("three_pct_allowed", sa.Float()),
        sa.Column("three_attempts_allowed", sa.Float()),
        sa.Column("three_pct_minus_league", sa.Float()),
        sa.Column("two_point_pct_allowed", sa.Float()),
        sa.Column("two_point_attempts_allowed", sa.Float()),
        sa.Column("two_point_pct_minus_league", sa.Float()),
        sa.Column("box_three_pct_allowed", sa.Float()),
        sa.Column("box_three_attempts_allowed", sa.Float()),
        sa.Column("box_three_pct_minus_league", sa.Float()),
        sa.Column("league_pace", sa.Float()),
        sa.Column("strongest_zone", sa.Text()),
        sa.Column("weakest_zone", sa.Text()),
        sa.Column("max_source_date", sa.Date()),
        sa.Column("row_hash", sa.BigInteger(), nullable=False),
        sa.Column("from_build", sa.Integer(), nullable=False),
        sa.Column("to_build", sa.Integer()),
        sa.UniqueConstraint("game_id", "team_id", "from_build", name="team_defense_zone_analysis_one_row_a_build"),
    )
    op.create_index("team_defense_zone_analysis_by_date", "team_defense_zone_analysis", ["game_date"], unique=False)
    op.create_index(
        "team_defense_zone_analysis_current",
        "team_defense_zone_analysis",
        ["game_id", "team_id"],
        unique=True,
        sqlite_where=sa.text("to_build IS NULL"),
        postgresql_where=sa.text("to_build IS NULL"),
    )
    op.create_table(
        "teams",
        sa.Column("team_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("abbreviation", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
    )
    op.create_table(
        "build_units",
        sa.Column("builder", sa.Text(), primary_key=True),
        sa.Column("feature_set", sa.Text(), primary_key=True),
        sa.Column("game_date", sa.Date(), primary_key=True),
        sa.Column("build_id", sa.Integer(), sa.ForeignKey("builds.build_id"), nullable=False),
        sa.Column("inputs_hash", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("feature_set_hash", sa.Text(), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "grades",
        sa.Column("prediction_id", sa.Integer(), sa.ForeignKey("predictions.prediction_id"), primary_key=True),
        sa.Column("outcome", sa.Text(), sa.CheckConstraint("outcome IN ('graded', 'void')"), nullable=False),
        sa.Column("label", sa.Text(), sa.CheckConstraint("label IN ('live', 'backfill', 'in_sample')"), nullable=False),
        sa.Column("actual", sa.Float()),
        sa.Column("error", sa.Float()),
        sa.Column("in_interval", sa.Boolean()),
        sa.Column("line_verdict", sa.Text(), sa.CheckConstraint("line_verdict IN ('won', 'lost', 'push')")),
        sa.Column("graded_at", sa.DateTime(timezone=True), nullable=False),
    )
