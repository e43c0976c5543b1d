"""The files of conf/: which one is in force, and what it says; whatever cannot be read is refused by name."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import UsageError


def own_folder() -> Path:
    """The folder of one's own files: TIPOFF_CONF, else conf/ in the working folder (which need not be there).

    Raises UsageError where TIPOFF_CONF names no folder: what somebody asked for is not passed over.
    """
    named = os.environ.get("TIPOFF_CONF")
    if named and not Path(named).is_dir():
        raise UsageError(
            f"TIPOFF_CONF {named!r} is not a folder.", remedy="Name a folder of YAML files, or unset TIPOFF_CONF."
        )
    return Path(named or "conf")


def conf_text(name: str) -> tuple[str, str] | None:
    """The text of conf file `name` (as 'gate.yaml' or 'systems/xgboost.yaml') and where it was found.

    One's own folder wins over the shipped one; None: no such file. Raises UsageError where it cannot be read.
    """
    own = own_folder() / name
    if own.exists():
        return _read(own), str(own)
    shipped = importlib.resources.files("conf").joinpath(*name.split("/"))
    return (shipped.read_text(encoding="utf-8"), f"shipped conf/{name}") if shipped.is_file() else None


def conf_mapping(name: str) -> tuple[dict[str, Any], str]:
    """The mapping in conf file `name` and where it was found; empty where there is no such file.

    Raises UsageError where the file is not a YAML mapping, or names a key twice.
    """
    found = conf_text(name)
    if found is None:
        return {}, "default"
    text, place = found
    value = parse_yaml(text, place) or {}
    if not isinstance(value, dict):
        raise UsageError(f"{place} holds {type(value).__name__}, not a mapping of settings.")
    return value, place


def parse_yaml(text: str, place: str) -> Any:
    """What `text`, found at `place`, says.

    Raises UsageError where it is not YAML, or names a key of a mapping twice.
    """
    try:
        return yaml.load(text, _OnceLoader)  # noqa: S506 a safe loader, and stricter
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        raise UsageError(f"{place} is not YAML: {error}.", remedy="Correct it, or take it away.") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8: {error.reason}.", remedy="Save it in UTF-8.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy="It must be a YAML file.") from error


class _OnceLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # ten times as fast
    """Safe, and refuses a key that stands twice: nobody can say which of the two was meant."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping; raises ConstructorError at the second of two equal keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} twice", key.start_mark)
            seen.add(str(key.value))
        made: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return made
