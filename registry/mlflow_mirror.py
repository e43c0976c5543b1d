"""The adapter to MLflow's registry: creates versions there, shows stages, aliases, tags, descriptions and verdicts.

MLflow is imported where it is used: that takes seconds. Only promotion and repair may use this module.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.errors import UnavailableError
from contracts.home import Home
from registry.mlflow_client import LOGGED_MODEL, answering, ensure_model, resolve, shown
from registry.picture import ARTIFACT_TAG, Change, Picture, VersionPicture
from registry.versions import NewVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

ALIASES = ("production", "staging", "previous")
"""The aliases that are ours; a user's own ones are left alone."""

UNREGISTERED = (
    "**Not a version of tipoff**: its registration was cut off, or it was made by hand. It cannot be promoted."
)


@dataclass(frozen=True)
class Created:
    """A version that MLflow made: its number, and `artifact_uri` resolved so that it can be fetched without MLflow."""

    version: int
    artifact_uri: str


def create_version(home: Home, new: NewVersion) -> Created:
    """Create the MLflow version of `new` (and the registered model, the first time), linked to its run and model.

    Raises UnavailableError where MLflow does not answer.
    """
    tags = {
        "system": new.system,
        "target": new.target,
        "feature_set": new.feature_set,
        "feature_set_hash": new.feature_set_hash,
        "build_id": str(new.build_id),
        "sha256": new.sha256,
    }
    with answering(home) as client:
        ensure_model(client, new.model_name)
        logged = LOGGED_MODEL.fullmatch(new.model_uri)
        made = client.create_model_version(
            new.model_name,
            resolve(client, new.model_uri),  # MLflow would look models:/ up in its process-wide store, not in ours
            run_id=new.run_id,
            tags=tags,
            await_creation_for=0,  # the stores that tipoff knows are ready at once; MLflow would announce the wait
            model_id=logged["id"] if logged else None,
        )
        if logged:
            _link(client, logged["id"], new.model_name, int(made.version))
        return Created(int(made.version), resolve(client, new.artifact_uri))


def discard_version(home: Home, model_name: str, version: int) -> None:
    """Delete a version that our tables did not take."""
    with answering(home) as client:
        client.delete_model_version(model_name, str(version))


def differences(home: Home, picture: Picture) -> list[Change]:
    """Every place where MLflow shows something else than `picture`; tags and aliases that are not ours are left alone.

    Raises UnavailableError where MLflow does not answer, or a version of the picture is not there.
    """
    with answering(home) as client:
        if not picture.versions:
            return []
        ensure_model(client, picture.model_name)
        model = client.get_registered_model(picture.model_name)
        shown_versions = {int(each.version): each for each in _all_versions(client, picture.model_name)}
    changes = list(_field("model", "description", model.description, picture.description))
    absent = [str(each.version) for each in picture.versions if each.version not in shown_versions]
    if absent:
        raise UnavailableError(
            f"MLflow at {shown(home.tracking_uri)} has no version {', '.join(absent)} of {picture.model_name}.",
            remedy="Set MLFLOW_TRACKING_URI to the store they were registered in: `tipoff env`.",
        )
    for each in picture.versions:
        changes += _version_changes(each, shown_versions.pop(each.version))
    for number, stranger in sorted(shown_versions.items()):
        changes += _field(f"version {number}", "description", stranger.description, UNREGISTERED)
    for alias in ALIASES:
        found, wanted = model.aliases.get(alias), picture.aliases.get(alias)
        changes += _field("model", f"alias {alias}", _text(found), _text(wanted))
    for key, value in picture.tags.items():  # the last: whoever reads the head there may trust all the rest
        changes += _field("model", f"tag {key}", model.tags.get(key), value)
    return changes


def apply(home: Home, picture: Picture, changes: Sequence[Change]) -> None:
    """Make MLflow show what `changes` (from `differences`) want.

    Raises UnavailableError where MLflow does not answer; what was written by then stays and the rest is found again.
    """
    if not changes:
        return
    versions = {str(each.version): each for each in picture.versions}
    with answering(home) as client:
        for change in changes:
            if change.field == f"tag {ARTIFACT_TAG}":
                _keep_verdict(client, versions[change.subject.removeprefix("version ")])
            _apply_one(client, picture.model_name, change)


def history_head(home: Home, model_name: str) -> str | None:
    """The newest history entry that MLflow was told of ('SEQ:HASH'), or None: what `verify_history` takes as known.

    Raises UnavailableError where MLflow does not answer.
    """
    from mlflow.exceptions import MlflowException

    with answering(home) as client:
        try:
            head: str | None = client.get_registered_model(model_name).tags.get("tipoff.history_head")
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return head


def _link(client: MlflowClient, model_id: str, name: str, version: int) -> None:
    """Show the version on the logged model's page, as mlflow.register_model does."""
    from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

    links = json.loads(client.get_logged_model(model_id).tags.get(MLFLOW_MODEL_VERSIONS) or "[]")
    link = {"name": name, "version": version}
    if link not in links:
        client.set_logged_model_tags(model_id, {MLFLOW_MODEL_VERSIONS: json.dumps([*links, link])})


def _all_versions(client: MlflowClient, name: str) -> list[MlflowVersion]:
    found: list[MlflowVersion] = []
    token: str | None = None
    while True:
        page = client.search_model_versions(f"name = '{name}'", max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _version_changes(wanted: VersionPicture, found: MlflowVersion) -> Iterator[Change]:
    subject = f"version {wanted.version}"
    yield from _field(subject, "stage", found.current_stage, str(wanted.stage))
    tags: Mapping[str, str] = found.tags
    for key, value in wanted.tags.items():
        yield from _field(subject, f"tag {key}", tags.get(key), value)
    yield from _field(subject, "description", found.description, wanted.description)


def _field(subject: str, field: str, found: str | None, wanted: str | None) -> Iterator[Change]:
    if (found or None) != wanted:
        yield Change(subject, field, found or None, wanted)


def _apply_one(client: MlflowClient, name: str, change: Change) -> None:
    what, _, key = change.field.partition(" ")
    version = change.subject.removeprefix("version ") if change.subject != "model" else None
    if what == "alias" and change.wanted is not None:
        client.set_registered_model_alias(name, key, change.wanted)
    elif what == "alias":
        client.delete_registered_model_alias(name, key)
    elif what == "stage":
        _move_stage(client, name, str(version), str(change.wanted))
    elif what == "tag" and version is not None:
        client.set_model_version_tag(name, version, key, change.wanted)
    elif what == "tag":
        client.set_registered_model_tag(name, key, change.wanted)
    elif version is not None:
        client.update_model_version(name, version, change.wanted)
    else:
        client.update_registered_model(name, change.wanted)


def _keep_verdict(client: MlflowClient, wanted: VersionPicture) -> None:
    """The verdict as an artifact of the run, before the tag that names it: whoever reads the tag finds the file."""
    client.log_dict(wanted.run_id, dict(wanted.verdict or {}), wanted.tags[ARTIFACT_TAG])


def _move_stage(client: MlflowClient, name: str, version: str, stage: str) -> None:
    with warnings.catch_warnings():
        # deprecated in MLflow, yet shown by its pages and asked for by its users; aliases and tags say the same
        warnings.filterwarnings("ignore", message=".*transition_model_version_stage.*", category=FutureWarning)
        client.transition_model_version_stage(name, version, stage)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
