"""The promotion history, read and checked: append-only, and whoever alters it is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from contracts.tables import model_versions, promotion_history
from registry.chain import Entry, entries_in, head
from registry.sealing import FIRST_PREVIOUS_HASH, seal

__all__ = ["Break", "Entry", "entries_in", "head", "head_break", "newest_entry", "read_history", "verify_history"]


@dataclass(frozen=True)
class Break:
    """A place where the history was altered, and how that shows."""

    seq: int
    problem: str

    def __str__(self) -> str:
        return f"entry {self.seq} {self.problem}"


def read_history(engine: sa.Engine, model_name: str | None = None) -> list[Entry]:
    """Every entry in order, of one model or (None) of all."""
    with engine.connect() as connection:
        return entries_in(connection, model_name)


def newest_entry(engine: sa.Engine, version: int, model_name: str) -> Entry:
    """The newest entry about `version`, which is registered."""
    entry = promotion_history.c
    query = sa.select(sa.func.max(entry.seq)).where(entry.model_name == model_name, entry.version == version)
    with engine.connect() as connection:
        seq = connection.execute(query).scalar_one()
        return next(each for each in entries_in(connection, model_name) if each.seq == seq)


def verify_history(engine: sa.Engine, known_head: str | None = None) -> list[Break]:
    """Every place where the chain does not hold; empty: it holds.

    Checked: entries are numbered without a gap, each names the hash of the one before, each hash is that of its entry,
    each version is still registered with the sha256 its entries name; and, where given, `known_head` (see `head`,
    kept outside this database) is an entry of this history.
    """
    query = sa.select(model_versions.c.model_name, model_versions.c.version, model_versions.c.sha256)
    with engine.connect() as connection:
        entries = entries_in(connection)
        registered = {(name, version): sha256 for name, version, sha256 in connection.execute(query)}
    breaks = [
        Break(entry.seq, problem)
        for before, entry in zip([None, *entries], entries, strict=False)
        for problem in _problems(before, entry, registered)
    ]
    cut = head_break(entries, known_head)
    return breaks if cut is None else [*breaks, cut]


def head_break(entries: Sequence[Entry], known_head: str | None) -> Break | None:
    """The entry that `known_head` (None: nothing is known) names and these, all of the history, do not hold."""
    known = {f"{entry.seq}:{entry.hash}" for entry in entries} | {f"0:{FIRST_PREVIOUS_HASH}", None}
    if known_head in known:
        return None
    seq, _, hash_ = str(known_head).partition(":")
    problem = f"(hash {hash_[:12]}), known outside, is not there: the history was cut or rewritten"
    return Break(int(seq) if seq.isdigit() else 0, problem)


def _problems(before: Entry | None, entry: Entry, registered: Mapping[tuple[str, int], str]) -> Iterator[str]:
    if entry.seq != (before.seq + 1 if before else 1):
        yield f"follows entry {before.seq if before else 0}: what stood between was removed"
    if entry.previous_hash != (before.hash if before else FIRST_PREVIOUS_HASH):
        yield "names another hash than that of the entry before it"
    unsealed = {name: value for name, value in asdict(entry).items() if name != "hash"}
    if seal(unsealed) != entry.hash:
        yield "was altered: its hash is not that of what it says"
    sha256 = registered.get((entry.model_name, entry.version))
    if sha256 is None:
        yield f"is about version {entry.version} of {entry.model_name}, which is not registered any more"
    elif sha256 != entry.sha256:
        yield f"names sha256 {entry.sha256[:12]}, but version {entry.version} is registered with {sha256[:12]}"
