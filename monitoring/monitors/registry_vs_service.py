"""registry_vs_service: whether every running service answers with the version that the registry has in Production."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.errors import UnavailableError
from monitoring.readings import Reading, not_measured
from monitoring.view import View
from registry.versions import production

NAME = "registry_vs_service"
NONE = "none"


def read(view: View) -> list[Reading]:
    """A reading a service that was asked.

    Raises UnavailableError where one that should run does not answer.
    """
    if view.service is None:
        return [not_measured(NAME, "", "no service was asked")]
    answers = view.service()
    silent = sorted(address for address, sha256 in answers.items() if sha256 is None)
    if silent:
        raise UnavailableError(
            f"The service at {', '.join(silent)} does not answer.",
            remedy="Start it: `tipoff serve`, or take its address out of registry.services.",
        )
    if not answers:
        return [not_measured(NAME, "", "no service runs here and none is named in registry.services")]
    live = production(view.engine)
    return judge({address: str(sha256) for address, sha256 in answers.items()}, live.sha256 if live else NONE)


def judge(answers: Mapping[str, str], wanted: str) -> list[Reading]:
    """Bad where a service answers with other files than `wanted` ('none': no version); the value is then 1."""
    readings = []
    for address, sha256 in sorted(answers.items()):
        differs = sha256 != wanted
        detail = (
            f"The service at {address} answers with files {sha256[:12]}, the registry has {wanted[:12]} in Production."
        )
        readings.append(Reading(NAME, address, float(differs), 0.0, 1, is_bad=differs, detail=detail))
    return readings
