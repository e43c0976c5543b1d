"""What the rows of a date may know, as a hash: where it differs from the stored one, the rows are stale."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date

import polars as pl

from contracts.clock import LEAGUE_ZONE
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features.builders.slate import team_schedule
from features.raw.facts import RawFacts
from features.table.row_hash import row_hashes

DateDigests = Mapping[date, bytes]

NOT_OF_ROWS = {"constant_column_min_rows"}
"""Settings that judge rows and do not make them."""


def inputs_hashes(raw: RawFacts, feature_set: FeatureSet, settings: FeatureSettings) -> dict[date, str]:
    """For each expected game date, in order, SHA-256 (hex) of all that its rows may know or say.

    That is: everything known before the date (results, shots, earlier captures, injury entries), chained date by
    date, so that a correction changes every later date too; what is of the date itself (its schedule, lines and
    injury entries captured then, what happened); the settings that make rows; which kinds were ever ingested.
    """
    own, afterwards = _facts_of_the_day(raw, feature_set), _facts_from_the_next_day(raw)
    expected = set(raw.games.join(_expected_games(raw), on="game_id", how="semi")["game_date"].to_list())
    static = _digest(_static(raw, settings))
    before = b""
    hashes: dict[date, str] = {}
    for day in sorted(expected.union(*own, *afterwards)):
        today = _digest(*(facts.get(day, b"") for facts in own))
        if day in expected:
            hashes[day] = _digest(static, before, today).hex()
        before = _digest(before, today, *(facts.get(day, b"") for facts in afterwards))
    return hashes


def _facts_of_the_day(raw: RawFacts, feature_set: FeatureSet) -> list[DateDigests]:
    """What a date's own rows may know or say: its schedule, lines, entries captured then, who appeared and how."""
    game_dates = raw.games.select("game_id", "game_date")
    captured = raw.injuries.filter(pl.col("captured_at").is_not_null()).with_columns(
        pl.col("captured_at").dt.convert_time_zone(LEAGUE_ZONE.key).dt.date().alias("game_date")
    )
    facts = [
        raw.games.join(_expected_games(raw), on="game_id", how="inner"),
        raw.points_lines.join(game_dates, on="game_id", how="inner"),
        captured,
        raw.player_games.join(raw.players.select("player_id", "position", "birth_date"), on="player_id", how="left"),
    ]
    if feature_set.accept_closing_game_lines:
        facts.append(raw.game_lines.join(game_dates, on="game_id", how="inner"))
    return [_by_date(frame) for frame in facts]


def _facts_from_the_next_day(raw: RawFacts) -> list[DateDigests]:
    """What later dates know and the date itself does not: shots, and injury entries stamped with the day only."""
    game_dates = raw.player_games.select("game_id", "player_id", "game_date")
    shots = raw.shot_zones.join(game_dates, on=["game_id", "player_id"], how="inner")
    listed = raw.injuries.filter(pl.col("captured_at").is_null()).with_columns(pl.col("reported_on").alias("game_date"))
    return [_by_date(frame) for frame in (shots, listed)]


def _expected_games(raw: RawFacts) -> pl.DataFrame:
    """game_id and has_results of each game that was played or is to come."""
    return team_schedule(raw).select("game_id", "has_results").unique()


def _static(raw: RawFacts, settings: FeatureSettings) -> bytes:
    in_force = settings.model_dump(mode="json", exclude=NOT_OF_ROWS)
    return repr((sorted(in_force.items()), sorted(raw.ingested))).encode()


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
