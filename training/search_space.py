"""What a sweep may try: one file under conf/search_spaces/ gives each parameter its range or its choices."""

from __future__ import annotations

import importlib.resources
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from contracts.conf import conf_mapping, own_folder
from contracts.errors import UsageError
from contracts.settings import Section
from systems.base import System
from systems.catalog import create_system, system_class

PLACE = "search_spaces"


class Numbers(Section):
    """Whole or real numbers from `low` to `high`, both included; `log`: even on a logarithmic scale."""

    type: Literal["int", "float"]
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low:g} has no logarithm")
        if self.type == "int" and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("the ends of an int are whole numbers")
        return self

    @property
    def ends(self) -> list[Any]:
        """The lowest and the highest value, of the parameter's own type."""
        return [int(end) if self.type == "int" else end for end in (self.low, self.high)]

    def holds(self, value: Any) -> bool:
        """Whether `value` lies within."""
        return isinstance(value, int | float) and self.low <= value <= self.high


class Choices(Section):
    """One of `choices`, in no order."""

    type: Literal["categorical"]
    choices: list[str | bool | int | float] = Field(min_length=2)

    @property
    def ends(self) -> list[Any]:
        """Every choice."""
        return list(self.choices)

    def holds(self, value: Any) -> bool:
        """Whether `value` is one of them."""
        return value in self.choices


Range = Annotated[Numbers | Choices, Field(discriminator="type")]


class SearchSpace(Section):
    """The parameters that a sweep varies, and the one (if any) that says how many threads a fit takes."""

    parameters: dict[str, Range] = Field(min_length=1)
    threads: str | None = None

    def known(self, values: dict[str, Any]) -> dict[str, Any]:
        """Those of the hyperparameters `values` that lie within the space."""
        return {name: values[name] for name, one in self.parameters.items() if one.holds(values[name])}


def spaces() -> list[str]:
    """The systems that have a search space, sorted: shipped ones and those of the conf/ in force."""
    shipped = importlib.resources.files("conf").joinpath(PLACE).iterdir()
    own = (own_folder() / PLACE).glob("*.yaml")
    files = {entry.name for entry in shipped} | {path.name for path in own}
    return sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))


def load_space(system: str) -> SearchSpace:
    """The search space of `system`, each end of which the system takes.

    Raises UsageError for an unknown system, for one without a search space, and for a space with an unknown
    parameter, a range that is none or a value that the system refuses.
    """
    kind = system_class(system)
    if system not in spaces():
        raise UsageError(
            f"{system} has no search space: nothing of it can be swept.",
            remedy=f"Sweep one of {', '.join(spaces())}, or write conf/{PLACE}/{system}.yaml.",
        )
    mapping, place = conf_mapping(f"{PLACE}/{system}.yaml")
    try:
        space = SearchSpace.model_validate(mapping)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise UsageError(
            f"The search space of {system} is refused ({place}): {faults}.",
            remedy="Each parameter is {type: float or int, low, high, log} or {type: categorical, choices}.",
        ) from error
    _refuse_strangers(space, kind, place)
    for name, one in space.parameters.items():
        for value in one.ends:
            create_system(system, parameters={name: value})  # raises where the system refuses it
    return space


def _refuse_strangers(space: SearchSpace, kind: type[System], place: str) -> None:
    known = kind.parameters_class.model_fields
    named = [*space.parameters, *([space.threads] if space.threads else [])]
    strangers = [name for name in named if name not in known]
    if strangers or space.threads in space.parameters:
        said = f"no parameters of {kind.name}: {', '.join(strangers)}" if strangers else "threads cannot be varied"
        raise UsageError(
            f"The search space of {kind.name} is refused ({place}): {said}.", remedy=f"Known are: {', '.join(known)}."
        )
