"""Which systems there are: one file under conf/systems/ names the class and the parameters of each."""

from __future__ import annotations

import importlib
import importlib.resources
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from contracts.conf import conf_mapping, own_folder
from contracts.errors import UsageError
from systems.base import System, parameters_of


def system_names() -> list[str]:
    """Every system that can be made, sorted: the shipped ones and those of the conf/ in force."""
    shipped = importlib.resources.files("conf.systems").iterdir()
    own = (own_folder() / "systems").glob("*.yaml")
    files = {entry.name for entry in shipped} | {path.name for path in own}
    return sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))


def system_class(name: str) -> type[System]:
    """The class of system `name`.

    Raises UsageError for an unknown name, naming the known ones, and for an entry whose class is none.
    """
    return _entry(name)[0]


def create_system(name: str, *, parameters: Mapping[str, Any] | None = None, device: str = "cpu") -> System:
    """A new system `name`, unfitted, with the parameters of its conf entry and `parameters` over them.

    Raises UsageError for an unknown name, and for unknown or impossible parameters, naming each.
    """
    kind, configured, place = _entry(name)
    try:
        return kind(parameters_of(kind, configured | dict(parameters or {})), device=device)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))} = {fault['input']!r}: {fault['msg']}" for fault in error.errors()
        )
        known = ", ".join(kind.parameters_class.model_fields) or "none"
        raise UsageError(f"Parameters of {name} refused ({place}): {faults}.", remedy=f"Known are: {known}.") from error


def _entry(name: str) -> tuple[type[System], dict[str, Any], str]:
    """The class, the parameters, and where they were found."""
    if name not in system_names():
        raise UsageError(f"{name!r} is not a system.", remedy=f"Choose one of {', '.join(system_names())}.")
    entry, place = conf_mapping(f"systems/{name}.yaml")
    unknown = sorted(set(entry) - {"class", "parameters"})
    parameters = entry.get("parameters") or {}
    if unknown or "class" not in entry or not isinstance(parameters, dict):
        raise UsageError(
            f"{place} holds {', '.join(map(str, entry)) or 'nothing'}.",
            remedy="A system's entry is `class: module:Class` and, if it has any, `parameters:` with name: value.",
        )
    return _import(str(entry["class"]), name, place), dict(parameters), place


def _import(path: str, name: str, place: str) -> type[System]:
    module, _, attribute = path.partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{place} names the class {path!r}, which cannot be imported: {error}.") from error
    if not (isinstance(kind, type) and issubclass(kind, System) and kind.name == name):
        raise UsageError(f"{place} names {path!r}, which is not a System called {name!r}.")
    return kind
