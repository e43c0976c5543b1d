"""The live page: today's slate and states, health, and what ran last; it asks again by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contracts import clock
from monitoring.report import jobs, states
from monitoring.report.headline import coverage_mark, tile
from monitoring.report.markup import Column, Html, document, h, join, mark, nothing, section, table
from monitoring.report.slate import Game, Play
from monitoring.report.style import STYLE
from monitoring.report.words import dated, minute, percent
from tipoff.coordinator.board import Board, NextDate, PlayerStates
from tipoff.coordinator.page_script import SECONDS, script_tag
from tipoff.coordinator.report import Standing
from tipoff.coordinator.states import State

KINDS = {"predicted": "good", "skipped": "watch", "failed": "bad", "waiting": "quiet", "claimed": "quiet"}
MOST_REASONS = 3


def live_page(board: Board) -> Html:
    """The page of `board`. Without scripts the browser loads it again by itself."""
    refresh = h("noscript", h("meta", http_equiv="refresh", content=3 * SECONDS))
    body = h(
        "main",
        _head(board),
        states.alarms(board.alarms),
        _batches(board),
        _slate(board),
        _next_dates(board.next_dates),
        states.monitors(board.monitors),
        jobs.jobs(board.runs, board.now),
        data_live="yes",
    )
    return document(f"tipoff, {board.game_date}", STYLE, body, head=join(refresh, script_tag()))


def _head(board: Board) -> Html:
    newest = board.newest
    health = mark("ready", "good") if board.fault is None else mark("not ready", "bad")
    tiles = [
        tile(health, "health"),
        tile(len(board.slate.games), "games"),
        tile(_batch_mark(newest), newest.batch.batch_id if newest else "no batch of this date"),
        tile(_coverage_mark(board), "coverage"),
        tile(states.state_mark(states.worst_state(board.monitors)), "worst monitor"),
        tile(mark(len(board.alarms), "bad" if board.alarms else "good"), "alarms standing"),
    ]
    live = board.production.title if board.production else "no version"
    return join(
        h("h1", f"{board.game_date:%A} {board.game_date}"),
        h("p", f"{live} in Production; asked {minute(board.now)}.{_not_today(board)}", class_="muted", id="asked"),
        h("p", board.fault, class_="alarm") if board.fault else None,
        h("div", tiles, class_="tiles"),
    )


def _not_today(board: Board) -> str:
    today = clock.league_date(board.now)
    return "" if board.game_date == today else f" Today is {today}, which this page is not about."


def _coverage_mark(board: Board) -> Html:
    """Of the newest batch over all its systems; without one, of the predictions that are stored."""
    newest = board.newest
    if newest is None:
        return coverage_mark(board.slate, 0.0)
    share = newest.coverage
    return mark(percent(share), "good" if newest.batch.is_open or newest.shortfall is None else "bad")


def _batch_mark(newest: Standing | None) -> Html:
    if newest is None:
        return mark("none", "quiet")
    return mark("open", "watch") if newest.batch.is_open else mark("done", "good")


def _batches(board: Board) -> Html:
    newest = board.newest
    if newest is None:
        command = f"`tipoff batch start --game-date {board.game_date}`"
        return section("Batches", nothing(f"Nothing yet: no batch of {board.game_date}; {command} opens one."))
    columns = [Column("revision"), Column("predicted", True), Column("the others", True)]
    rows = [
        (
            join(f"{each.batch.batch_id} ", h("small", minute(each.batch.started_at))),
            f"{each.states.get(State.PREDICTED, 0):,} of {each.expected:,}",
            _others(each.states),
        )
        for each in reversed(board.revisions)
    ]
    systems = [Column("system"), Column("predicted", True), Column("coverage", True), Column("the others", True)]
    return section(
        "Batches",
        table(columns, rows, is_narrow=True),
        h("p", newest.shortfall, class_="alarm") if newest.shortfall else None,
        h("h3", f"Systems of {newest.batch.batch_id}"),
        table(systems, [_system(name, counts) for name, counts in sorted(newest.by_system.items())], is_narrow=True),
        about="A row is one player-game for one system; it ends as predicted, skipped or failed.",
    )


def _system(name: str, counts: Mapping[State, int]) -> tuple[object, ...]:
    expected, predicted = sum(counts.values()), counts.get(State.PREDICTED, 0)
    share = percent(predicted / expected) if expected else "none"
    return name, f"{predicted:,} of {expected:,}", share, _others(counts)


def _others(counts: Mapping[State, int]) -> str:
    """'2 waiting, 1 failed'; empty where all are predicted."""
    others = (state for state in State if state is not State.PREDICTED and counts.get(state))
    return ", ".join(f"{counts[state]:,} {state}" for state in others)


def _slate(board: Board) -> Html:
    title = f"The slate of {board.game_date}, player by player"
    if not board.slate.games:
        return section(title, nothing("No games on this date."))
    said = (
        f"{board.slate.who}: predicted {board.slate.target} and 80 % interval"
        if board.slate.who
        else "no prediction is stored"
    )
    about = f"Beside each name {said}; the marks count systems."
    return section(title, [_game(game, board.by_game.get(game.game_id, ())) for game in board.slate.games], about=about)


def _game(game: Game, players: Sequence[PlayerStates]) -> Html:
    tip_off = h("span", f" · {minute(game.tip_off_at)}" if game.tip_off_at else "", class_="muted")
    said = {play.player_id: play for play in game.plays}
    if not players and not said:
        return h("div", h("h3", game.title, tip_off), nothing("Nobody of this game is in a batch yet."))
    known = list(players) or [PlayerStates(play.player_id, play.name, {}, ()) for play in game.plays]
    ordered = sorted(known, key=lambda each: (-_value(said.get(each.player_id)), each.name))
    rows = [_player(each, said.get(each.player_id)) for each in ordered]
    return h("div", h("h3", game.title, tip_off), h("div", rows, class_="states"))


def _value(play: Play | None) -> float:
    return play.predicted if play else float("-inf")


def _player(player: PlayerStates, play: Play | None) -> Html:
    figure = h("small", f" {play.predicted:.1f} ({play.low:.1f} to {play.high:.1f})") if play else None
    marks = [[mark(f"{count} {state}", KINDS[state]), " "] for state, count in player.states.items()]
    why = ", ".join(player.reasons[:MOST_REASONS]) + (", ..." if len(player.reasons) > MOST_REASONS else "")
    reasons = h("div", why, class_="muted") if why else None
    return h(
        "div",
        h("span", player.name, figure, reasons),
        h("span", marks or mark("not in a batch", "quiet")),
        class_="state",
    )


def _next_dates(found: Sequence[NextDate]) -> Html:
    if not found:
        return section("Next dates", nothing("No games in the next seven days."))
    columns = [Column("date"), Column("games", True), Column("first tip-off"), Column("batch")]
    rows = [
        (dated(each.game_date), each.n_games, minute(each.first_tip_off), each.batch_id or "none yet") for each in found
    ]
    return section("Next dates", table(columns, rows, is_narrow=True))
