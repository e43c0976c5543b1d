"""Every table of the database: raw facts, builds and their rows, versions and their history, predictions and grades.

Times are UTC; dates are the league's; a share is 0-1. The feature table of a set is made from its declaration
(`feature_table`), so that its columns are the set's and their order is the version's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from contracts.builder_columns import doc_of, label_doc
from contracts.feature_set import FeatureSet

metadata = sa.MetaData()

BOX_COUNTS = (
    *("minutes", "points", "fgm", "fga", "fg3m", "fg3a", "ftm", "fta"),
    *("oreb", "dreb", "rebounds", "assists", "steals", "blocks", "turnovers", "fouls"),
)
"""What a box score counts, minutes whole (0 = under 30 seconds)."""


class UTCDateTime(sa.types.TypeDecorator[object]):
    """An aware time, kept as UTC; a naive one is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: object, dialect: sa.Dialect) -> object:
        """Aware -> what the database keeps."""
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise ValueError(f"{value!r} is not an aware time")
        return value.astimezone(UTC)

    def process_result_value(self, value: object, dialect: sa.Dialect) -> object:
        """What the database keeps -> aware."""
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.CheckConstraint(f"{name} >= 0"), nullable=False)


# ---------------------------------------------------------------- raw facts
ingests = sa.Table(
    "ingests",
    metadata,
    sa.Column("ingest_id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False, doc="game-logs, points-lines, ...: what the source holds"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("n_rows", sa.Integer, nullable=False),
    sa.Column("n_changed", sa.Integer, nullable=False),
    sa.Column("n_rejected", sa.Integer, nullable=False),
    sa.Column("rejects_path", sa.Text),
    sa.Column("ingested_at", UTCDateTime, nullable=False),
)

teams = sa.Table(
    "teams",
    metadata,
    sa.Column("team_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("abbreviation", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
)

players = sa.Table(
    "players",
    metadata,
    sa.Column("player_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text),
    sa.Column("position", sa.Text, sa.CheckConstraint("position IN ('G', 'F', 'C')")),
    sa.Column("birth_date", sa.Date),
)

games = sa.Table(
    "games",
    metadata,
    sa.Column("game_id", sa.Text, sa.CheckConstraint("length(game_id) = 10"), primary_key=True),
    sa.Column("season", sa.Integer, nullable=False, doc="start year"),
    sa.Column(
        "season_type",
        sa.Text,
        sa.CheckConstraint("season_type IN ('regular', 'playoffs', 'play_in', 'cup_final')"),
        nullable=False,
    ),
    sa.Column("game_date", sa.Date, nullable=False, index=True),
    sa.Column("home_team_id", sa.Integer, nullable=False),
    sa.Column("away_team_id", sa.Integer, nullable=False),
    sa.Column("tip_off_at", UTCDateTime),
    sa.CheckConstraint("home_team_id <> away_team_id", name="two_teams"),
)

player_games = sa.Table(
    "player_games",
    metadata,
    sa.Column("game_id", sa.Text, sa.CheckConstraint("length(game_id) = 10"), primary_key=True),
    sa.Column("player_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("season", sa.Integer, nullable=False, doc="start year"),
    sa.Column("season_type", sa.Text, nullable=False),
    sa.Column("game_date", sa.Date, nullable=False, index=True),
    sa.Column("team_id", sa.Integer, nullable=False),
    sa.Column("opponent_id", sa.Integer, nullable=False),
    sa.Column("is_home", sa.Boolean, nullable=False),
    sa.Column("won", sa.Boolean),
    *(_count(name) for name in BOX_COUNTS),
    sa.Column("plus_minus", sa.Integer),
    sa.CheckConstraint("2 * fgm + fg3m + ftm = points", name="points_add_up"),
    sa.CheckConstraint("oreb + dreb = rebounds", name="rebounds_add_up"),
    sa.CheckConstraint("fgm <= fga AND fg3m <= fg3a AND ftm <= fta AND fg3m <= fgm", name="made_of_attempted"),
    sa.CheckConstraint("team_id <> opponent_id", name="two_teams"),
)

shot_zones = sa.Table(
    "shot_zones",
    metadata,
    sa.Column("game_id", sa.Text, primary_key=True),
    sa.Column("player_id", sa.Integer, primary_key=True, autoincrement=False),
    *(_count(f"{zone}_{kind}") for zone in ("paint", "mid_range", "three") for kind in ("attempts", "made")),
)

game_lines = sa.Table(
    "game_lines",
    metadata,
    sa.Column("game_id", sa.Text, primary_key=True),
    sa.Column("spread_home", sa.Float, doc="closing; negative: home favoured"),
    sa.Column("total", sa.Float, doc="closing"),
    sa.Column("spread_home_morning", sa.Float),
    sa.Column("total_morning", sa.Float),
)

points_lines = sa.Table(
    "points_lines",
    metadata,
    sa.Column("game_id", sa.Text, primary_key=True),
    sa.Column("player_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("book", sa.Text, primary_key=True),
    sa.Column("captured_at", UTCDateTime, primary_key=True),
    sa.Column("line", sa.Float, sa.CheckConstraint("line > 0 AND line < 100"), primary_key=True),
    sa.Column("tip_off_at", UTCDateTime, doc="as the book gave it"),
    sa.Column("over_price", sa.Float, doc="American"),
    sa.Column("under_price", sa.Float, doc="American"),
)

injuries = sa.Table(
    "injuries",
    metadata,
    sa.Column("player_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("reported_on", sa.Date, primary_key=True, doc="the day of the entry, without a time"),
    sa.Column(
        "status",
        sa.Text,
        sa.CheckConstraint("status IN ('available', 'probable', 'questionable', 'day_to_day', 'doubtful', 'out')"),
        primary_key=True,
    ),
    sa.Column("note", sa.Text, primary_key=True),
    sa.Column("captured_at", UTCDateTime, doc="NULL: known from the next day on"),
    sa.Column("entry", sa.Integer, nullable=False, doc="order within the source: later entries of a day win"),
)

RAW_TABLES = tuple(
    table.name
    for table in (games, player_games, shot_zones, points_lines, injuries, players, teams, game_lines, ingests)
)
"""The tables of raw facts, and the book of ingests, which says what kinds there are."""

raw_mark = sa.Table(
    "raw_mark",
    metadata,
    sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    sa.Column("mark", sa.Text, nullable=False, doc="triggers make it another with every change of a raw fact"),
)

expected_inputs = sa.Table(
    "expected_inputs",
    metadata,
    sa.Column("asked", sa.Text, primary_key=True, doc="SHA-256 of the settings and the code that expect them"),
    sa.Column("mark", sa.Text, nullable=False, doc="of the raw facts that they were found for"),
    sa.Column("hashes", sa.JSON, nullable=False, doc="game date -> inputs hash"),
)

# ---------------------------------------------------------------- builds
builds = sa.Table(
    "builds",
    metadata,
    sa.Column("build_id", sa.Integer, primary_key=True),
    sa.Column("feature_set", sa.Text, nullable=False),
    sa.Column("feature_set_hash", sa.Text, nullable=False),
    sa.Column("code_hash", sa.Text, nullable=False, doc="SHA-256 over the builders' source"),
    sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('running', 'done', 'failed')"), nullable=False),
    sa.Column("started_at", UTCDateTime, nullable=False),
    sa.Column("finished_at", UTCDateTime),
    sa.Column("n_rows", sa.Integer),
    sa.Column("n_dates", sa.Integer),
    sa.Column("failure", sa.Text),
    sa.Column("quality", sa.JSON, doc="the verdict of its quality gates, every test with its figure and limit"),
    sa.Column("inputs", sa.JSON, doc="settings_hash; ingested: the kinds of source there were"),
    sa.Column("pruned_at", UTCDateTime, doc="when its rows were deleted; NULL: they are there"),
)

build_units = sa.Table(
    "build_units",
    metadata,
    sa.Column("builder", sa.Text, primary_key=True),
    sa.Column("feature_set", sa.Text, primary_key=True),
    sa.Column("game_date", sa.Date, primary_key=True),
    sa.Column("build_id", sa.Integer, sa.ForeignKey("builds.build_id"), nullable=False),
    sa.Column("inputs_hash", sa.Text, nullable=False, doc="of everything raw that the date's rows may know"),
    sa.Column("code_hash", sa.Text, nullable=False),
    sa.Column("feature_set_hash", sa.Text, nullable=False),
    sa.Column("n_rows", sa.Integer, nullable=False),
    sa.Column("done_at", UTCDateTime, nullable=False),
)

build_dates = sa.Table(
    "build_dates",
    metadata,
    sa.Column("build_id", sa.Integer, sa.ForeignKey("builds.build_id"), primary_key=True),
    sa.Column("game_date", sa.Date, primary_key=True, doc="a date that the build computed"),
    sa.Column("inputs_hash", sa.Text, nullable=False, doc="as in build_units, which keeps the newest only"),
)

raw_digests = sa.Table(
    "raw_digests",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True, doc="game-logs, points-lines, ...: what the facts are"),
    sa.Column("game_date", sa.Date, primary_key=True),
    sa.Column(
        "from_build",
        sa.Integer,
        sa.ForeignKey("builds.build_id"),
        primary_key=True,
        doc="the first build that found them so; they stay so until the next row of the same kind and date",
    ),
    sa.Column("digest", sa.Text, doc="of the date's facts of this kind; NULL: there are none any more"),
)


def _versioned(
    name: str, *columns: sa.Column[Any] | sa.CheckConstraint, key: tuple[str, ...], within: sa.MetaData = metadata
) -> sa.Table:
    """A table whose rows belong to the builds from `from_build` to before `to_build` (NULL: still current).

    Its columns have the doc that contracts.builder_columns gives them.
    """
    table = sa.Table(
        name,
        within,
        *columns,
        sa.Column("row_hash", sa.BigInteger, nullable=False),
        sa.Column("from_build", sa.Integer, nullable=False),
        sa.Column("to_build", sa.Integer),
        sa.UniqueConstraint(*key, "from_build", name=f"{name}_one_row_a_build"),
        sa.Index(f"{name}_by_date", "game_date"),
        sa.Index(
            f"{name}_current",
            *key,
            unique=True,
            sqlite_where=sa.text("to_build IS NULL"),
            postgresql_where=sa.text("to_build IS NULL"),
        ),
    )
    for column in table.columns:
        column.doc = column.doc or doc_of(name, column.name)
    return table


PLAYER_GAME = ("game_id", "player_id")
TEAM_GAME = ("game_id", "team_id")


def _floats(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Float) for name in names.split()]


def _player_game_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("game_id", sa.Text, nullable=False),
        sa.Column("player_id", sa.Integer, nullable=False),
        sa.Column("game_date", sa.Date, nullable=False),
        sa.Column("team_id", sa.Integer, nullable=False),
    ]


team_defense_zone_analysis = _versioned(
    "team_defense_zone_analysis",
    sa.Column("game_id", sa.Text, nullable=False),
    sa.Column("team_id", sa.Integer, nullable=False),
    sa.Column("game_date", sa.Date, nullable=False),
    *_floats("defensive_rating pace n_games"),
    *_floats(
        " ".join(
            f"{zone}_{what}"
            for zone in ("paint", "mid_range", "three", "two_point", "box_three")
            for what in ("pct_allowed", "attempts_allowed", "pct_minus_league")
        )
    ),
    *_floats("league_pace"),
    sa.Column("strongest_zone", sa.Text),
    sa.Column("weakest_zone", sa.Text),
    sa.Column("max_source_date", sa.Date),
    key=TEAM_GAME,
)

player_shot_zone_analysis = _versioned(
    "player_shot_zone_analysis",
    *_player_game_columns(),
    *_floats("pct_paint pct_mid_range pct_three pct_free_throw"),
    *_floats(
        " ".join(
            f"{zone}_{what}_last_{n}"
            for n in (10, 20)
            for zone in ("paint", "mid_range", "three", "two_point", "box_three")
            for what in ("share", "pct")
        )
    ),
    *_floats("n_games_last_10 n_games_last_20"),
    sa.Column("primary_zone", sa.Text),
    sa.Column("zones", sa.Text),
    sa.Column("max_source_date", sa.Date),
    key=PLAYER_GAME,
)

player_daily_cache = _versioned(
    "player_daily_cache",
    *_player_game_columns(),
    *_floats(
        "points_avg_last_5 points_avg_last_10 points_avg_season points_std_last_10 games_in_last_7_days rest_advantage "
        "injury_risk recent_trend minutes_change back_to_back team_pace_last_10 team_off_rating_last_10 team_win_pct "
        "minutes_avg_last_10 ppm_avg_last_10 minutes_avg_season usage_last_3 usage_last_10"
    ),
    *_floats("n_games_last_5 n_games_last_10 n_games_season n_team_games_last_10 n_team_games_season"),
    *_floats("rest_days team_rest_days opponent_rest_days"),
    *_floats("age rest_advantage_unclamped"),
    sa.Column("listed_status", sa.Text),
    sa.Column("max_source_date", sa.Date),
    key=PLAYER_GAME,
)

player_composite_factors = _versioned(
    "player_composite_factors",
    *_player_game_columns(),
    *_floats("fatigue_score shot_zone_mismatch_score pace_score usage_spike_score"),
    *_floats(
        "fatigue_score_unclamped shot_zone_mismatch_score_unclamped pace_score_unclamped usage_spike_score_unclamped "
        "games_last_7_days minutes_last_7_days back_to_backs_last_14_days n_stars_listed_out"
    ),
    sa.Column("has_age", sa.Boolean),
    sa.Column("has_injury_source", sa.Boolean),
    sa.Column("max_source_date", sa.Date),
    key=PLAYER_GAME,
)

ROW_STATES = ("scheduled", "played", "under_30_seconds", "absent")
"""What a row of the feature table is: before its game; minutes > 0; appeared, MIN = 0; expected, did not appear."""

FEATURE_ROW_LABELS = ("minutes", "points", "rebounds", "assists", "steals", "blocks", "turnovers", "fg3m")
"""What happened, NULL where not played; a target is one of these and never a feature."""

FEATURE_ROW_COUNTS = ("n_active_games_season", "minutes_avg_last_10_active")
"""What populations are told by: active games before it this season, mean minutes of the last 10."""


def feature_table(feature_set: FeatureSet) -> sa.Table:
    """The feature table of `feature_set`: what a row is, then the features in order, then what happened."""
    table = _versioned(
        f"ml_feature_store_{feature_set.name}",
        *_player_game_columns(),
        sa.Column("season", sa.Integer, nullable=False),
        sa.Column("opponent_id", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("is_expected", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Float) for name in FEATURE_ROW_COUNTS),
        *(sa.Column(name, sa.Float) for name in feature_set.names),
        sa.Column("line", sa.Float),
        *(sa.Column(name, sa.Float, doc=label_doc(name)) for name in FEATURE_ROW_LABELS),
        sa.Column("missing", sa.Text, nullable=False),
        sa.Column("window_games", sa.Text, nullable=False),
        sa.Column("max_source_date", sa.Date),
        sa.Column("settled_build", sa.Integer),
        sa.CheckConstraint("max_source_date IS NULL OR max_source_date < game_date", name="knows_only_the_past"),
        key=PLAYER_GAME,
        within=sa.MetaData(),
    )
    sa.event.listen(table, "after_create", _create_provenance_view)
    return table


def _create_provenance_view(table: sa.Table, connection: sa.Connection, **_options: object) -> None:
    connection.execute(sa.text(provenance_view(table.name)))


def provenance_view(table: str) -> str:
    """CREATE VIEW `table`_rows: every row of a versioned table beside the code and the definitions that made it."""
    made = ", ".join(f"made.{name}" for name in ("feature_set", "feature_set_hash", "code_hash", "started_at"))
    return (
        f"CREATE VIEW {table}_rows AS SELECT kept.*, {made} "  # noqa: S608 names are the tables' own
        f"FROM {table} AS kept JOIN builds AS made ON made.build_id = kept.from_build"
    )


# ---------------------------------------------------------------- versions and their history
model_versions = sa.Table(
    "model_versions",
    metadata,
    sa.Column("model_name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("system", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("artifact_uri", sa.Text, nullable=False, doc="the folder with the native files and metadata.json"),
    sa.Column("sha256", sa.Text, sa.CheckConstraint("length(sha256) = 64"), nullable=False),
    sa.Column("feature_set", sa.Text, nullable=False),
    sa.Column("feature_set_hash", sa.Text, nullable=False),
    sa.Column("build_id", sa.Integer, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("train_from", sa.Date, doc="NULL: nothing was fitted"),
    sa.Column("train_to", sa.Date, doc="last date the model has seen (tuning included); NULL: nothing was fitted"),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("registered_at", UTCDateTime, nullable=False),
)

promotion_history = sa.Table(
    "promotion_history",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("model_name", sa.Text, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column(
        "action",
        sa.Text,
        sa.CheckConstraint("action IN ('register', 'promote', 'refuse', 'rollback', 'archive')"),
        nullable=False,
    ),
    sa.Column("from_stage", sa.Text, nullable=False),
    sa.Column("to_stage", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("verdict", sa.JSON, doc="every test with its figure and limit"),
    sa.Column("previous_hash", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)

gate_attempts = sa.Table(
    "gate_attempts",
    metadata,
    sa.Column("attempt_id", sa.Integer, primary_key=True),
    sa.Column("model_name", sa.Text, nullable=False),
    sa.Column("champion", sa.Integer, nullable=False),
    sa.Column("challenger", sa.Integer, nullable=False),
    sa.Column("build_id", sa.Integer, nullable=False),
    sa.Column("date_to", sa.Date, nullable=False, doc="last date of the rows that were looked at"),
    sa.Column("n_rows", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False, doc="which attempt at this champion it was, from 1"),
    sa.Column("attempted_at", UTCDateTime, nullable=False),
    sa.UniqueConstraint("model_name", "champion", "number", name="one_number"),
)

promotion_proofs = sa.Table(
    "promotion_proofs",
    metadata,
    sa.Column("proof_id", sa.Integer, primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False, index=True, doc="the entry of the history that it proves"),
    sa.Column(
        "outcome",
        sa.Text,
        sa.CheckConstraint("outcome IN ('answered', 'other_version', 'no_service')"),
        nullable=False,
    ),
    sa.Column("address", sa.Text, doc="of the service; NULL: none answered"),
    sa.Column("sha256", sa.Text, doc="of the files that it answered with"),
    sa.Column("seconds", sa.Float, nullable=False, doc="from the decision to the answer, or to giving up"),
    sa.Column("proven_at", UTCDateTime, nullable=False),
)

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False, doc="the entry of the history that was told"),
    sa.Column("address", sa.Text, primary_key=True, doc="the webhook that took it"),
    sa.Column("delivered_at", UTCDateTime, nullable=False),
)

pruned_versions = sa.Table(
    "pruned_versions",
    metadata,
    sa.Column("model_name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("rule", sa.Text, nullable=False, doc="why its files were deleted"),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("pruned_at", UTCDateTime, nullable=False),
)

# ---------------------------------------------------------------- backtests
backtest_looks = sa.Table(
    "backtest_looks",
    metadata,
    sa.Column("look_id", sa.Integer, primary_key=True),
    sa.Column("test_season", sa.Integer, nullable=False, index=True, doc="start year"),
    sa.Column("system", sa.Text, nullable=False),
    sa.Column("hyperparameters", sa.JSON, nullable=False),
    sa.Column("feature_set", sa.Text, nullable=False),
    sa.Column("feature_set_hash", sa.Text, nullable=False),
    sa.Column("build_id", sa.Integer, nullable=False),
    sa.Column("dataset_sha256", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("retrain", sa.Text, sa.CheckConstraint("retrain IN ('none', 'monthly')"), nullable=False),
    sa.Column("populations", sa.JSON, nullable=False, doc="what was seen, population by population"),
    sa.Column("looked_at", UTCDateTime, nullable=False),
)

# ---------------------------------------------------------------- predictions and grades
predictions = sa.Table(
    "predictions",
    metadata,
    sa.Column("prediction_id", sa.Integer, primary_key=True),
    sa.Column("game_date", sa.Date, nullable=False, index=True),
    sa.Column("game_id", sa.Text, nullable=False),
    sa.Column("player_id", sa.Integer, nullable=False),
    sa.Column("system", sa.Text, nullable=False),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column("model_sha256", sa.Text, nullable=False),
    sa.Column("train_to", sa.Date, doc="last date the model had seen; NULL: nothing was fitted"),
    sa.Column("feature_set", sa.Text, nullable=False),
    sa.Column("build_id", sa.Integer, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("predicted", sa.Float, nullable=False),
    sa.Column("interval_low", sa.Float, nullable=False),
    sa.Column("interval_high", sa.Float, nullable=False),
    sa.Column("line", sa.Float),
    sa.Column("over_probability", sa.Float, sa.CheckConstraint("over_probability BETWEEN 0 AND 1")),
    sa.Column("predicted_at", UTCDateTime, nullable=False),
    sa.CheckConstraint("interval_low <= interval_high", name="interval_in_order"),
    sa.UniqueConstraint("game_id", "player_id", "system", "model_version", "build_id", name="one_prediction"),
)

grades = sa.Table(
    "grades",
    metadata,
    sa.Column("prediction_id", sa.Integer, sa.ForeignKey("predictions.prediction_id"), primary_key=True),
    sa.Column("outcome", sa.Text, sa.CheckConstraint("outcome IN ('graded', 'void')"), nullable=False),
    sa.Column("label", sa.Text, sa.CheckConstraint("label IN ('live', 'backfill', 'in_sample')"), nullable=False),
    sa.Column("actual", sa.Float, doc="NULL where void"),
    sa.Column("error", sa.Float, doc="predicted - actual; NULL where void"),
    sa.Column("in_interval", sa.Boolean),
    sa.Column("line_verdict", sa.Text, sa.CheckConstraint("line_verdict IN ('won', 'lost', 'push')")),
    sa.Column("price", sa.Float, doc="American, of the side that was predicted, at the cut-off; NULL: no book had it"),
    sa.Column("profit", sa.Float, doc="of a stake of 1 on that side at that price; 0 where a push"),
    sa.Column("closing_line", sa.Float, doc="the books' last before tip-off"),
    sa.Column("graded_at", UTCDateTime, nullable=False),
)

# ---------------------------------------------------------------- batches
batches = sa.Table(
    "batches",
    metadata,
    sa.Column("batch_id", sa.Text, primary_key=True, doc="GAME_DATE-rREVISION"),
    sa.Column("game_date", sa.Date, nullable=False),
    sa.Column("revision", sa.Integer, sa.CheckConstraint("revision >= 1"), nullable=False),
    sa.Column("inputs_hash", sa.Text, nullable=False, doc="of the slate's rows and of the versions that are asked"),
    sa.Column("started_at", UTCDateTime, nullable=False),
    sa.Column("ended_at", UTCDateTime, doc="NULL: a row of its ledger is still to end"),
    sa.UniqueConstraint("game_date", "revision", name="one_revision"),
)

ENDED_STATES = ("predicted", "skipped", "failed")
LEDGER_STATES = ("waiting", "claimed", *ENDED_STATES)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("batch_id", sa.Text, sa.ForeignKey("batches.batch_id"), primary_key=True),
    sa.Column("system", sa.Text, primary_key=True),
    sa.Column("game_id", sa.Text, primary_key=True),
    sa.Column("player_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("model_version", sa.Integer, doc="that answers to the system in this batch; NULL: none does"),
    sa.Column("state", sa.Text, sa.CheckConstraint(f"state IN {LEDGER_STATES}"), nullable=False),
    sa.Column("reason", sa.Text, doc="why it was skipped or failed, or is tried again"),
    sa.Column("detail", sa.Text, doc="the reason in a sentence"),
    sa.Column("attempt", sa.Integer, sa.CheckConstraint("attempt >= 0"), nullable=False, doc="how often claimed"),
    sa.Column("not_before", UTCDateTime, doc="when it is tried again; NULL: at once"),
    sa.Column("worker", sa.Text, doc="that holds it, or held it last"),
    sa.Column("leased_until", UTCDateTime, doc="until when it is the worker's"),
    sa.Column("prediction_id", sa.Integer, sa.ForeignKey("predictions.prediction_id")),
    sa.Column("ended_at", UTCDateTime),
    sa.CheckConstraint("(state = 'claimed') = (leased_until IS NOT NULL)", name="a_claim_has_a_lease"),
    sa.CheckConstraint("(state = 'predicted') = (prediction_id IS NOT NULL)", name="predicted_is_stored"),
    sa.CheckConstraint(f"(state IN {ENDED_STATES}) = (ended_at IS NOT NULL)", name="an_end_has_a_time"),
    sa.CheckConstraint("state NOT IN ('skipped', 'failed') OR reason IS NOT NULL", name="no_silent_end"),
    sa.Index("ledger_by_state", "state", "batch_id", "system"),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("dead_letter_id", sa.Integer, primary_key=True),
    sa.Column("batch_id", sa.Text, sa.ForeignKey("batches.batch_id"), nullable=False, index=True),
    sa.Column("system", sa.Text, nullable=False),
    sa.Column("game_id", sa.Text, nullable=False),
    sa.Column("player_id", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
    sa.Column("attempt", sa.Integer, nullable=False, doc="how often it was tried"),
    sa.Column("died_at", UTCDateTime, nullable=False),
    sa.Column("replayed_at", UTCDateTime, doc="when it was put back into its batch; NULL: it lies here"),
)

# ---------------------------------------------------------------- events
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, nullable=False, doc="features.completed, predictions.completed"),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("build_id", sa.Integer, sa.ForeignKey("builds.build_id"), doc="told when it has ended; NULL: at once"),
    sa.Column("recorded_at", UTCDateTime, nullable=False, index=True),
)

event_deliveries = sa.Table(
    "event_deliveries",
    metadata,
    sa.Column("event_id", sa.Text, sa.ForeignKey("outbox.event_id"), primary_key=True),
    sa.Column("address", sa.Text, primary_key=True, doc="that took it"),
    sa.Column("delivered_at", UTCDateTime, nullable=False),
)

event_inbox = sa.Table(
    "event_inbox",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True, doc="the same of the same source is the same event"),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("game_date", sa.Date, index=True, doc="NULL: it is about none"),
    sa.Column("builder", sa.Text),
    sa.Column("status", sa.Text, sa.CheckConstraint("status IN ('complete', 'partial', 'failed')")),
    sa.Column("n_rows", sa.Integer),
    sa.Column("happened_at", UTCDateTime, nullable=False, doc="as its sender says"),
    sa.Column("received_at", UTCDateTime, nullable=False),
    sa.Column("ignored", sa.Text, doc="why it counts for nothing; NULL: it counts"),
)

alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("alarm_id", sa.Integer, primary_key=True),
    sa.Column("origin", sa.Text, nullable=False, doc="who looks whether it still is so: coordinator, day, monitors"),
    sa.Column("name", sa.Text, nullable=False, doc="what did not happen: not_built, batch_open, ..."),
    sa.Column("subject", sa.Text, nullable=False, doc="a date or an address"),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("remedy", sa.Text, nullable=False, doc="the command to run"),
    sa.Column("raised_at", UTCDateTime, nullable=False),
    sa.Column("seen_at", UTCDateTime, nullable=False, doc="when it was last found so"),
    sa.Column("resolved_at", UTCDateTime, doc="NULL: it still is so"),
    sa.Index(
        "alarms_standing",
        "origin",
        "name",
        "subject",
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    ),
)

alarm_deliveries = sa.Table(
    "alarm_deliveries",
    metadata,
    sa.Column("alarm_id", sa.Integer, sa.ForeignKey("alarms.alarm_id"), primary_key=True),
    sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('raised', 'resolved')"), primary_key=True),
    sa.Column("address", sa.Text, primary_key=True, doc="what took the message"),
    sa.Column("delivered_at", UTCDateTime, nullable=False),
)

# ---------------------------------------------------------------- what runs by itself, and what watches it
job_runs = sa.Table(
    "job_runs",
    metadata,
    sa.Column("run_id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Text, nullable=False, doc="day, or one of its steps as day.predict, backfill, ..."),
    sa.Column("game_date", sa.Date, doc="the date that it was about; NULL: none"),
    sa.Column(
        "state", sa.Text, sa.CheckConstraint("state IN ('running', 'done', 'skipped', 'failed')"), nullable=False
    ),
    sa.Column("detail", sa.Text, doc="what it did, or why it did not, in a sentence"),
    sa.Column("figures", sa.JSON, doc="its counts: rows, expected, predicted, ..."),
    sa.Column("started_at", UTCDateTime, nullable=False),
    sa.Column("ended_at", UTCDateTime, doc="NULL: it runs, or was killed"),
    sa.Index("job_runs_by_job", "job", "game_date"),
)

monitor_readings = sa.Table(
    "monitor_readings",
    metadata,
    sa.Column("monitor", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True, doc="what was measured: a feature, a system, a job; '' for all"),
    sa.Column("game_date", sa.Date, primary_key=True, doc="as of which date: a second look of a date replaces it"),
    sa.Column("value", sa.Float, doc="NULL: there was too little to measure"),
    sa.Column("limit_value", sa.Float, doc="what the value was held against"),
    sa.Column("n", sa.Integer, doc="rows, dates or events behind the value"),
    sa.Column("is_bad", sa.Boolean, nullable=False),
    sa.Column("detail", sa.Text, nullable=False, doc="the value and its population in a sentence"),
    sa.Column("read_at", UTCDateTime, nullable=False),
)

monitor_states = sa.Table(
    "monitor_states",
    metadata,
    sa.Column("monitor", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column(
        "state",
        sa.Text,
        sa.CheckConstraint("state IN ('healthy', 'watch', 'degraded', 'blocked')"),
        nullable=False,
    ),
    sa.Column("since", sa.Date, nullable=False, doc="the first date of this state"),
    sa.Column("n_bad", sa.Integer, nullable=False, doc="bad readings in a row, up to now"),
    sa.Column("n_good", sa.Integer, nullable=False, doc="good readings in a row, up to now"),
    sa.Column("game_date", sa.Date, nullable=False, doc="the last reading that was counted"),
)

batch_digests = sa.Table(
    "batch_digests",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column(
        "batch_id", sa.Text, nullable=False, doc="again where it ended again; no key: a seal outlives what it seals"
    ),
    sa.Column("n_predictions", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, doc="SHA-256 over its rows and what they predicted"),
    sa.Column("history_head", sa.Text, nullable=False, doc="SEQ:HASH of the promotion history at that moment"),
    sa.Column("at", UTCDateTime, nullable=False, doc="on the wall, also in a replay"),
    sa.Column("previous_hash", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)
