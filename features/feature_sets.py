"""Feature sets: which features, in which order, under which name (conf/feature_sets/)."""

from __future__ import annotations

import importlib.resources

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.conf import conf_mapping, conf_text, own_folder
from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from features.definitions import DEFINITIONS
from features.definitions_v3 import MARKET


class _Declaration(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    accept_closing_game_lines: bool
    features: list[str]


def load_feature_set(name: str) -> FeatureSet:
    """The feature set that conf/feature_sets/NAME.yaml declares.

    Raises UsageError for an unknown name (naming the known ones), and for a declaration that is not one: an unknown
    key, an unknown or repeated feature, another name inside.
    """
    if name not in feature_set_names():
        raise UsageError(
            f"{name!r} is not a feature set.", remedy=f"Choose one of {', '.join(feature_set_names()) or 'none'}."
        )
    mapping, place = conf_mapping(f"feature_sets/{name}.yaml")
    try:
        declared = _Declaration.model_validate(mapping)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise UsageError(f"{place} is not a feature set: {faults}.") from error
    _check(declared, name, place)
    return FeatureSet(
        name=name,
        features=tuple(DEFINITIONS[feature] for feature in declared.features),
        accept_closing_game_lines=declared.accept_closing_game_lines,
    )


def feature_set_names() -> list[str]:
    """The names of the feature sets that conf/ declares, sorted."""
    own = own_folder() / "feature_sets"
    shipped = importlib.resources.files("conf.feature_sets")
    files = [path.name for path in own.glob("*.yaml")] + [path.name for path in shipped.iterdir()]
    names = {name.removesuffix(".yaml") for name in files if name.endswith(".yaml")}
    return sorted(name for name in names if conf_text(f"feature_sets/{name}.yaml"))


def _check(declared: _Declaration, name: str, place: str) -> None:
    unknown = sorted(set(declared.features) - set(DEFINITIONS))
    repeated = sorted({feature for feature in declared.features if declared.features.count(feature) > 1})
    of_lines = {feature.name for feature in MARKET} if not declared.accept_closing_game_lines else set()
    closing = [feature for feature in declared.features if feature in of_lines]
    faults = [
        f"its name is {declared.name!r}, not {name!r}" if declared.name != name else "",
        f"it names features that do not exist: {', '.join(unknown)}" if unknown else "",
        f"it names features twice: {', '.join(repeated)}" if repeated else "",
        "it names no feature" if not declared.features else "",
        f"it names features of closing game lines, which it does not accept: {', '.join(closing)}" if closing else "",
    ]
    if any(faults):
        raise UsageError(
            f"{place} is not a feature set: {'; '.join(fault for fault in faults if fault)}.",
            remedy="features/definitions.py lists every feature.",
        )
