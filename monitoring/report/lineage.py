"""Which model answers, where it came from and how it came there; the heads of both chains to be kept elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from contracts.home import REGISTERED_MODEL
from contracts.tables import batch_digests
from monitoring.report.markup import Column, Html, h, mark, nothing, section, table
from monitoring.report.words import minute
from registry.history import Entry, entries_in, head, verify_history
from registry.stages import Stage
from registry.versions import ModelVersion, live_in, version_in, way_back_in

MOST_ENTRIES = 8


@dataclass(frozen=True)
class Lineage:
    """The version in Production (None: there is none) and the one before it, the whole history and its faults.

    The heads are 'SEQ:HASH'; `batches_head` is None where no batch was sealed.
    """

    production: ModelVersion | None
    previous: ModelVersion | None
    entries: tuple[Entry, ...]
    faults: tuple[str, ...]
    history_head: str
    batches_head: str | None


def read_lineage(engine: sa.Engine, model_name: str = REGISTERED_MODEL) -> Lineage:
    """How things stand now."""
    newest = sa.select(batch_digests.c.seq, batch_digests.c.hash).order_by(batch_digests.c.seq.desc()).limit(1)
    with engine.connect() as connection:
        line = way_back_in(connection, model_name)
        sealed = connection.execute(newest).one_or_none()
        found = Lineage(
            production=live_in(connection, Stage.PRODUCTION, model_name),
            previous=version_in(connection, line[-2], model_name) if len(line) > 1 else None,
            entries=tuple(entries_in(connection, model_name)),
            faults=(),
            history_head=head(connection),
            batches_head=None if sealed is None else f"{sealed.seq}:{sealed.hash}",
        )
    faults = tuple(map(str, verify_history(engine)))
    return Lineage(**vars(found) | {"faults": faults})


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
    if found.faults:
        holds = h("span", mark("broken", "bad"), " ", "; ".join(found.faults))
    else:
        holds = h("span", mark("holds", "good"), " every entry's hash was computed again")
    facts = [
        ("The chain", holds),
        ("Head of the promotion history", h("code", found.history_head)),
        ("Head of the batches' digests", h("code", found.batches_head) if found.batches_head else "nothing yet"),
    ]
    return h("div", h("h3", "Chains"), h("dl", [[h("dt", term), h("dd", fact)] for term, fact in facts]))


def _code(text: object) -> Html | None:
    return None if text is None else h("code", text)
