"""Which model answers, where it came from and how it came there; the heads of both chains to be kept elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.home import REGISTERED_MODEL
from monitoring.report.markup import Column, Html, h, mark, nothing, section, table
from monitoring.report.words import minute
from registry.digest_checks import Sealed, verify_digests
from registry.digests import heads
from registry.history import Entry, entries_in, verify_history
from registry.stages import Stage
from registry.versions import ModelVersion, live_in, version_in, way_back_in

MOST_ENTRIES = 8
CHECKED_DAYS = 7
"""A page a day checks every batch several times in its first week; `registry history --verify` checks all."""


@dataclass(frozen=True)
class Lineage:
    """The version in Production (None: there is none) and the one before it, the whole history and its faults, what the
    batches' digests came to, and the heads of both chains as 'SEQ:HASH'."""

    production: ModelVersion | None
    previous: ModelVersion | None
    entries: tuple[Entry, ...]
    faults: tuple[str, ...]
    sealed: Sealed
    history_head: str
    digests_head: str


def read_lineage(engine: sa.Engine, game_date: date, model_name: str = REGISTERED_MODEL) -> Lineage:
    """How things stand now; what batches said is held against their digests from CHECKED_DAYS before `game_date` on."""
    newest = heads(engine)
    faults = tuple(map(str, verify_history(engine)))
    sealed = verify_digests(engine, since=game_date - timedelta(days=CHECKED_DAYS))
    with engine.connect() as connection:
        line = way_back_in(connection, model_name)
        return Lineage(
            production=live_in(connection, Stage.PRODUCTION, model_name),
            previous=version_in(connection, line[-2], model_name) if len(line) > 1 else None,
            entries=tuple(entries_in(connection, model_name)),
            faults=faults,
            sealed=sealed,
            history_head=newest["history"],
            digests_head=newest["digests"],
        )


def lineage(found: Lineage) -> Html:
    """The section."""
    parts: list[object] = [_production(found)]
    if found.entries:
        parts += [
            h("h3", f"The last entries of the promotion history ({len(found.entries)} in all)"),
            _history(found.entries),
        ]
    else:
        parts.append(nothing("Nothing yet: the promotion history is empty."))
    return section("Model lineage", *parts, _chains(found))


def _production(found: Lineage) -> Html:
    live = found.production
    if live is None:
        return nothing(
            "Nothing yet: no version is in Production (`tipoff promote` holds the gate over the newest one)."
        )
    about = _judged(found.entries, live.version)
    trained_by, trained_on = about.get("trained_by", {}), about.get("trained_on", {})
    since = [entry for entry in found.entries if entry.version == live.version and entry.to_stage is Stage.PRODUCTION]
    span = "nothing was fitted" if live.train_to is None else f"{live.train_from} to {live.train_to}"
    facts: list[tuple[str, object]] = [
        ("In Production", h("b", live.title)),
        ("Since", f"{minute(since[-1].at)} by {since[-1].actor}" if since else None),
        ("Trained on", span),
        ("Feature set, build", f"{live.feature_set} ({live.feature_set_hash[:12]}), build {live.build_id}"),
        ("Data", _code(trained_on.get("dataset_sha256"))),
        ("Run", _code(live.run_id)),
        ("Commit", _code(trained_by.get("commit"))),
        ("Files, sha256", _code(live.sha256)),
        ("Before it", found.previous.title if found.previous else None),
    ]
    return h("dl", [[h("dt", term), h("dd", "not told" if fact is None else fact)] for term, fact in facts])


def _judged(entries: Sequence[Entry], version: int) -> Mapping[str, Any]:
    """What the newest verdict about the version says it was found on; nothing where it was never judged."""
    verdicts = [entry.verdict for entry in entries if entry.version == version and entry.verdict]
    about = verdicts[-1].get("about") if verdicts else None
    return about or {}


def _history(entries: Sequence[Entry]) -> Html:
    columns = [Column(title) for title in ("when", "what", "by", "why")]
    rows = [
        (
            h("time", minute(entry.at)),
            h("span", mark(entry.action, _kind(entry)), f" version {entry.version}, now {entry.to_stage}"),
            entry.actor,
            entry.reason,
        )
        for entry in reversed(entries[-MOST_ENTRIES:])
    ]
    return table(columns, rows)


def _kind(entry: Entry) -> str:
    if entry.action == "refuse":
        return "bad"
    return "good" if entry.to_stage is Stage.PRODUCTION else "quiet"


def _chains(found: Lineage) -> Html:
    sealed = found.sealed
    recomputed = f"every hash was computed again, and what the batches of the last {CHECKED_DAYS} days said"
    facts = [
        ("Promotion history", _holds(found.faults, "every hash was computed again")),
        ("Its head", h("code", found.history_head)),
        ("Digests of what batches said", _holds(sealed.breaks, recomputed)),
        ("Their head", h("code", found.digests_head)),
        ("Sealed", f"{sealed.sealed_before_tip_off:,} before the first tip-off, {sealed.sealed_later:,} later"),
    ]
    told = "A head kept elsewhere, as on this page, shows a chain that was cut or rewritten since."
    listed = h("dl", [[h("dt", term), h("dd", fact)] for term, fact in facts])
    return h("div", h("h3", "Chains"), h("p", told, class_="muted"), listed)


def _holds(faults: Sequence[str], checked: str) -> Html:
    if faults:
        return h("span", mark("broken", "bad"), " ", "; ".join(faults))
    return h("span", mark("holds", "good"), f" {checked}")


def _code(text: object) -> Html | None:
    return None if text is None else h("code", text)
