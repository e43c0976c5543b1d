"""What the rows of a date may know, as a hash: where it differs from the stored one, the rows are stale."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from contracts.clock import LEAGUE_ZONE
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features.builders.slate import team_schedule
from features.raw.facts import RawFacts
from features.table.row_hash import row_hashes

DateDigests = Mapping[date, bytes]

NOT_OF_ROWS = {
    "coming_game_dates",
    "constant_column_min_rows",
    "nba_stats_url",
    "nba_stats_pause_seconds",
    "nba_stats_attempts",
    "nba_stats_timeout_seconds",
    "spark_master",
    "spark_partitions",
}
"""Settings that do not make rows: which dates have any, where facts are asked for, where rows are computed."""

CLOSING_LINES = "game-lines"
"""The one kind that only some feature sets accept."""

UNTIMED_INJURIES = "injuries without a time"
KNOWN_FROM_THE_NEXT_DAY = {"shot-zones", UNTIMED_INJURIES}
"""Kinds of facts that the rows of their own date do not know."""


@dataclass(frozen=True)
class DayFacts:
    """The raw facts of one kind, each date's as a digest."""

    kind: str
    digests: DateDigests


def day_facts(raw: RawFacts, settings: FeatureSettings) -> list[DayFacts]:
    """Everything raw that rows may know or say, kind by kind and date by date, whatever the feature set."""
    game_dates = raw.games.select("game_id", "game_date")
    appeared = raw.player_games.select("game_id", "player_id", "game_date")
    about_players = raw.players.select("player_id", "position", "birth_date")
    is_timed = pl.col("captured_at").is_not_null()
    captured_on = pl.col("captured_at").dt.convert_time_zone(LEAGUE_ZONE.key).dt.date()
    timed = raw.injuries.filter(is_timed).with_columns(captured_on.alias("game_date"))
    untimed = raw.injuries.filter(~is_timed).with_columns(pl.col("reported_on").alias("game_date"))
    frames = {
        "schedule": raw.games.join(_expected_games(raw, settings), on=["game_id", "game_date"], how="inner"),
        "points-lines": raw.points_lines.join(game_dates, on="game_id", how="inner"),
        "injuries": timed,
        "game-logs": raw.player_games,
        "players": appeared.select("game_date", "player_id").join(about_players, on="player_id", how="inner"),
        CLOSING_LINES: raw.game_lines.join(game_dates, on="game_id", how="inner"),
        "shot-zones": raw.shot_zones.join(appeared, on=["game_id", "player_id"], how="inner"),
        UNTIMED_INJURIES: untimed,
    }
    return [DayFacts(kind, _by_date(frame)) for kind, frame in frames.items()]


def inputs_hashes(
    raw: RawFacts, feature_set: FeatureSet, settings: FeatureSettings, known: Sequence[DayFacts] | None = None
) -> dict[date, str]:
    """For each expected game date, in order, SHA-256 (hex) of all that its rows may know or say.

    That is: everything known before the date (results, shots, earlier captures, injury entries), chained date by
    date, so that a correction changes every later date too; what is of the date itself (its schedule, lines and
    injury entries captured then, what happened); the settings that make rows; which kinds were ever ingested.
    `known` is `day_facts(raw, settings)` where the caller has it.
    """
    used = [facts for facts in known or day_facts(raw, settings) if is_used(facts.kind, feature_set)]
    own = [facts.digests for facts in used if facts.kind not in KNOWN_FROM_THE_NEXT_DAY]
    afterwards = [facts.digests for facts in used if facts.kind in KNOWN_FROM_THE_NEXT_DAY]
    expected = set(_expected_games(raw, settings)["game_date"].to_list())
    static = _digest(settings_hash(settings).encode(), repr(sorted(raw.ingested)).encode())
    before = b""
    hashes: dict[date, str] = {}
    for day in sorted(expected.union(*own, *afterwards)):
        today = _digest(*(facts.get(day, b"") for facts in own))
        if day in expected:
            hashes[day] = _digest(static, before, today).hex()
        before = _digest(before, today, *(facts.get(day, b"") for facts in afterwards))
    return hashes


def settings_hash(settings: FeatureSettings) -> str:
    """SHA-256 (hex) of the settings that make rows."""
    in_force = settings.model_dump(mode="json", exclude=NOT_OF_ROWS)
    return hashlib.sha256(repr(sorted(in_force.items())).encode()).hexdigest()


def is_used(kind: str, feature_set: FeatureSet) -> bool:
    """Whether rows of `feature_set` may know facts of `kind`."""
    return kind != CLOSING_LINES or feature_set.accept_closing_game_lines


def _expected_games(raw: RawFacts, settings: FeatureSettings) -> pl.DataFrame:
    """game_id, game_date and has_results of each game that was played or is soon to come."""
    return team_schedule(raw, settings).select("game_id", "game_date", "has_results").unique()


def _by_date(frame: pl.DataFrame) -> DateDigests:
    """Each game_date's rows as one digest, whatever their order."""
    hashes = frame.select("game_date", row_hashes(frame)).sort("game_date", "row_hash")
    words = hashes["row_hash"].to_numpy().astype("<i8")
    digests: dict[date, bytes] = {}
    start = 0
    for day, n_rows in hashes.group_by("game_date", maintain_order=True).len().iter_rows():
        digests[day] = hashlib.sha256(words[start : start + n_rows].tobytes()).digest()
        start += n_rows
    return digests


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
