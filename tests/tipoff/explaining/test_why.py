"""`tipoff why` follows a player's date from the schedule to the grade: each break planted, the first one named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import writing
from contracts.errors import UsageError
from contracts.settings import Settings
from contracts.tables import build_units, games, grades, injuries, ledger, player_games, players, predictions
from features.table.rows import read_rows
from monitoring.grading import grade
from tipoff.coordinator.batches import open_batch
from tipoff.coordinator.expectation import expect
from tipoff.coordinator.work import work_off
from tipoff.explaining.chain import Chain, explain_chain
from tipoff.explaining.number import explain_number
from tipoff.explaining.players import find_player
from tipoff.wiring import Wiring

NAMES = ["schedule", "raw_rows", "builders", "feature_row", "batch", "prediction", "grade"]


@pytest.fixture
def wiring(world: Any) -> Wiring:
    return Wiring(world.home, Settings(), world.engine)


@pytest.fixture
def player(world: Any) -> int:
    """Somebody who is expected on the date and played."""
    found: int = world.slate().filter(pl.col("state") == "played")["player_id"][0]
    return found


@pytest.fixture
def day(wiring: Wiring, game_date: date) -> date:
    """The date, predicted by a batch and graded."""
    opened, _ = open_batch(wiring.engine, expect(wiring.engine, wiring.settings, game_date))
    work_off(wiring.engine, wiring.home, wiring.settings, opened.batch_id)
    grade(wiring.engine, wiring.settings, game_date, game_date)
    return game_date


def write(wiring: Wiring, *statements: Any) -> None:
    with writing(wiring.engine) as connection:
        for statement in statements:
            connection.execute(statement)


def why(wiring: Wiring, player: int, day: date) -> Chain:
    chain = explain_chain(wiring, str(player), day)
    assert [link.name for link in chain.links] == NAMES
    return chain


def link(chain: Chain, name: str) -> Any:
    return next(each for each in chain.links if each.name == name)


def test_where_every_link_holds_none_is_broken_and_each_has_its_values(wiring: Wiring, player: int, day: date) -> None:
    chain = why(wiring, player, day)
    assert chain.broken is None, chain.to_json()
    told = chain.to_json()
    assert (told["player_id"], told["date"], told["broken"], told["remedy"]) == (player, day, None, None)
    said = link(chain, "prediction").values["predictions"]
    assert {row["system"] for row in said} == {"season_average", "last_10_average", "xgboost"}
    assert {row["label"] for row in said} <= {"backfill", "in_sample"}
    assert {row["stage"] for row in said} == {"Production", "None"}
    assert len(link(chain, "grade").values["grades"]) == len(said)
    assert set(link(chain, "builders").values["states"].values()) == {"done"}
    assert link(chain, "raw_rows").values["last_appearance"] < day


@pytest.mark.parametrize(
    ("name", "plant", "detail", "remedy"),
    [
        ("grade", lambda _p, _d: [sa.delete(grades)], "are not graded", "tipoff grade --from"),
        (
            "batch",
            lambda p, _d: [
                sa.update(ledger)
                .where(ledger.c.player_id == p)
                .values(state="skipped", reason="no_features", detail="none", prediction_id=None),
                sa.delete(grades),
                sa.delete(predictions).where(predictions.c.player_id == p),
            ],
            "is skipped (no_features: none)",
            "tipoff features backfill",
        ),
        (
            "batch",
            lambda p, _d: [
                sa.delete(ledger).where(ledger.c.player_id == p),
                sa.delete(grades),
                sa.delete(predictions).where(predictions.c.player_id == p),
            ],
            "did not expect him",
            "tipoff batch start",
        ),
        (
            "builders",
            lambda _p, d: [
                sa.delete(build_units).where(
                    build_units.c.game_date == d, build_units.c.builder == "player_shot_zone_analysis"
                )
            ],
            "1 of 5 builders have not done",
            "tipoff features backfill --feature-set v2_33features",
        ),
        (
            "schedule",
            lambda _p, d: [sa.update(games).where(games.c.game_date == d).values(game_date=d + timedelta(days=400))],
            "The schedule has no game on",
            "tipoff ingest schedule PATH",
        ),
    ],
)
def test_a_break_is_named_with_the_command_that_mends_it(
    wiring: Wiring, player: int, day: date, name: str, plant: Callable[..., list[Any]], detail: str, remedy: str
) -> None:
    write(wiring, *plant(player, day))
    wrong = why(wiring, player, day).broken
    assert wrong is not None
    assert wrong.name == name
    assert detail in wrong.detail
    assert str(wrong.remedy).startswith(remedy)


def test_who_was_listed_out_is_told_by_the_raw_rows_first(wiring: Wiring, player: int, day: date) -> None:
    entry = {"player_id": player, "reported_on": day - timedelta(days=1), "status": "out", "note": "knee", "entry": 99}
    write(wiring, sa.insert(injuries).values(entry))
    wrong = why(wiring, player, day).broken
    assert wrong is not None
    assert (wrong.name, wrong.values["listed_status"]) == ("raw_rows", "out")


def test_who_has_not_appeared_for_too_long_is_told_how_long(wiring: Wiring, player: int, day: date) -> None:
    recent = (player_games.c.player_id == player, player_games.c.game_date > day - timedelta(days=31))
    write(wiring, sa.delete(player_games).where(*recent))
    wrong = why(wiring, player, day).broken
    assert wrong is not None
    assert wrong.name == "raw_rows"
    assert "at most 30 and 10 make him expected" in wrong.detail or "No box score" in wrong.detail


def test_stale_rows_are_told_by_the_builders(wiring: Wiring, player: int, day: date) -> None:
    """A box score before the date was corrected since."""
    earlier = sa.select(sa.func.max(player_games.c.game_date)).where(
        player_games.c.player_id == player, player_games.c.game_date < day
    )
    mine = (player_games.c.player_id == player, player_games.c.game_date == earlier.scalar_subquery())
    more = {name: player_games.c[name] + 1 for name in ("ftm", "fta", "points")}
    write(wiring, sa.update(player_games).where(*mine).values(more))
    wrong = why(wiring, player, day).broken
    assert wrong is not None
    assert (wrong.name, set(wrong.values["states"].values())) == ("builders", {"stale"})


def test_a_batch_that_waits_wants_a_worker(wiring: Wiring, player: int, game_date: date) -> None:
    assert why(wiring, player, game_date).broken.remedy == f"tipoff batch start --game-date {game_date}"  # type: ignore[union-attr]
    open_batch(wiring.engine, expect(wiring.engine, wiring.settings, game_date))
    wrong = why(wiring, player, game_date).broken
    assert wrong is not None
    assert (wrong.name, wrong.remedy) == ("batch", "tipoff worker")


def test_a_prediction_on_request_needs_no_batch(wiring: Wiring, player: int, day: date) -> None:
    write(wiring, sa.delete(ledger))
    assert why(wiring, player, day).broken is None


def test_a_player_is_found_by_id_name_or_part_and_several_are_listed(wiring: Wiring, player: int) -> None:
    with wiring.engine.connect() as connection:
        name = connection.scalar(sa.select(players.c.name).where(players.c.player_id == player))
    assert find_player(wiring.engine, str(player)) == (player, name)
    assert find_player(wiring.engine, name.upper()) == (player, name)
    write(wiring, sa.update(players).where(players.c.player_id != player).values(name="Same Name"))
    with pytest.raises(UsageError, match=r"players are called 'same name': .* and .* more") as caught:
        find_player(wiring.engine, "same name")
    assert caught.value.exit_code == 2
    for unknown in ("Nobody Atall", "999999999", "  "):
        with pytest.raises(UsageError):
            find_player(wiring.engine, unknown)


def test_on_an_empty_database_the_first_link_is_broken(wiring: Wiring, player: int) -> None:
    chain = why(wiring, player, date(1999, 1, 1))
    assert chain.broken is not None
    assert chain.broken.name == "schedule"


def test_a_number_is_traced_to_features_builders_source_dates_and_sources(
    wiring: Wiring, player: int, day: date
) -> None:
    with wiring.engine.connect() as connection:
        mine = sa.select(predictions).where(predictions.c.player_id == player, predictions.c.system == "xgboost")
        said = connection.execute(mine).mappings().one()
    found = explain_number(wiring, said["prediction_id"])
    stored = read_rows(wiring.engine, load(wiring), player_games=[(said["game_id"], player)]).row(0, named=True)
    assert len(found["features"]) == 33
    assert all(each["value"] == stored[each["name"]] and each["builder"] for each in found["features"])
    assert all((each["reason"] is None) == (each["value"] is not None) for each in found["features"])
    assert all(source < day for source in found["source_dates"].values())
    moved = found["moved"]
    assert moved["predicted_again"] == said["predicted"], "the same row by the same version says the same, to the bit"
    assert len(moved["contributions"]) == 10
    lineage = found["lineage"]
    assert [row["version"] for row in lineage["versions"]] == [said["model_version"]]
    assert [row["build_id"] for row in lineage["builds"]] == [said["build_id"]]
    assert lineage["sources"]


def load(wiring: Wiring) -> Any:
    from features.feature_sets import load_feature_set

    return load_feature_set(wiring.settings.training.feature_set)


def test_the_command_refuses_half_a_question_and_an_unknown_number(world: Any, inside_at: Callable[..., Any]) -> None:
    shell = inside_at(world.home.root)
    for arguments in ([], ["--player", "1"], ["--date", "2024-01-01"], ["--prediction", "1", "--player", "1"]):
        assert shell.tipoff("why", *arguments, "--json").code == 2
    assert shell.tipoff("why", "--prediction", "99999", "--json").json["error"]["code"] == "usage"


def test_the_command_names_the_broken_link(
    world: Any, inside_at: Callable[..., Any], player: int, game_date: date
) -> None:
    told = inside_at(world.home.root).done("why", "--player", str(player), "--date", game_date.isoformat())
    assert [each["name"] for each in told["links"]] == NAMES
    assert (told["broken"], told["remedy"]) == ("batch", f"tipoff batch start --game-date {game_date}")
