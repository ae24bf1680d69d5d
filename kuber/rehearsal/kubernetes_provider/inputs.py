"""What the provider makes of inputs before anything is done with them, and what differs from what is there."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from kuber.rehearsal.api import ApiError
from kuber.replacement.kubernetes import EVERY_KIND, replacing_paths

from . import kinds, objects, values
from .diff import Differences, parse_path, text_of
from .normal_form import normalized
from .session import Session, UnreachableError
from .shape import restricted
from .state import INPUTS

Object = dict[str, Any]


class InputError(Exception):
    """Inputs that the provider doesn't take."""


def checked(request: provider_pb2.CheckRequest, session: Session) -> struct_pb2.Struct:
    """Inputs in the normal form of Kubernetes' own types.

    Nothing is added to an object with a name and a namespace. One without a namespace, of a kind that has them, gets that of the
    kubeconfig's context, which is "default" where it says none; one without a name gets the resource's name with eight digits behind,
    and the annotation `pulumi.com/autonamed`.

    Raises:
        InputError: a patch without a name, or `metadata.generateName`.
    """
    given, token = values.read(request.news), kinds.type_of_urn(request.urn)
    new = normalized(values.plain(given))
    patch = kinds.is_patch(token, new)
    meta = new.setdefault("metadata", {})
    if isinstance(meta, dict):
        if not meta.get("name"):
            if patch:
                raise InputError("a patch needs metadata.name, the name of the object that it changes")
            if meta.get("generateName"):
                raise InputError("metadata.generateName and server-side apply don't go together")
            _give_name(meta, request)
        version, kind = kinds.kind_of_type(token)
        of_kind = (version, kind.removesuffix("Patch") if patch else kind)
        if session.namespace and not meta.get("namespace") and _namespaced(session, of_kind):
            meta["namespace"] = session.namespace
    return values.written(values.with_secrets_of(new, given))


def difference(request: provider_pb2.DiffRequest, session: Session) -> provider_pb2.DiffResponse:
    """What changes from the object as it was last seen, in the shape of the inputs of then, to the new inputs.

    A replacement deletes first where the new object has the name of the old one and the program gave it.
    """
    state = values.plain(values.read(request.olds))
    old_inputs = normalized(state.pop(INPUTS, {}))
    old, new = restricted(state, old_inputs), normalized(values.plain(values.read(request.news)))
    for one in (old, new):
        one.setdefault("apiVersion", state.get("apiVersion"))
        one.setdefault("kind", state.get("kind"))
    named_before = kinds.metadata(state).get("name")
    namespaced = _namespaced(session, objects.kind_of(new))
    for one in (old, new):
        if isinstance(meta := one.get("metadata"), dict):
            meta.pop("resourceVersion", None)
            meta["namespace"] = (meta.get("namespace") or "default") if namespaced else ""
    if kinds.metadata(new).get("name"):
        kinds.metadata(old)["name"] = named_before
    found = Differences(old, new, _replacing(request.urn, new, session))
    for ignored in request.ignoreChanges:
        found.forget(parse_path(ignored))
    in_place = (
        kinds.metadata(new).get("name") == named_before
        and kinds.metadata(new).get("namespace") == kinds.metadata(old).get("namespace")
        and kinds.annotation(new, "autonamed") != "true"
    )
    details = {
        text_of(path): provider_pb2.PropertyDiff(
            kind=provider_pb2.PropertyDiff.Kind.Value(
                f"{change.upper()}_REPLACE" if path in found.replacing else change.upper()
            ),
            inputDiff=change == "delete",
        )
        for path, change in found.changes.items()
    }
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if details else none,
        replaces=sorted(text_of(path) for path in found.replacing),
        deleteBeforeReplace=bool(found.replacing) and in_place,
        hasDetailedDiff=True,
        detailedDiff=details,
    )


def _replacing(urn: str, new: Object, session: Session) -> tuple[str, ...]:
    if kinds.is_patch(kinds.type_of_urn(urn), new):
        return EVERY_KIND
    told = session.configuration
    return replacing_paths(new, config_map_mutable=told.config_map_mutable, secret_mutable=told.secret_mutable)


def _namespaced(session: Session, kind: tuple[str, str]) -> bool:
    """Whether a kind has namespaces; of one that nobody knows yet it is taken for granted."""
    version, name = kind
    if kinds.built_in(version):
        return name not in kinds.CLUSTER_SCOPED
    try:
        return session.api.resource(kind)["namespaced"]
    except (UnreachableError, ApiError):
        return True


def _give_name(meta: Object, request: provider_pb2.CheckRequest) -> None:
    """The name that it has already, that of the engine, or a new one."""
    olds: Mapping[str, Any] = values.plain(values.read(request.olds))
    if kinds.annotation(olds, "autonamed") == "true":
        meta["name"] = kinds.metadata(olds)["name"]
    elif request.HasField("autonaming") and request.autonaming.proposed_name:
        meta["name"] = request.autonaming.proposed_name
    else:
        digits = request.randomSeed.hex()[:8] if len(request.randomSeed) >= 4 else secrets.token_hex(4)
        meta["name"] = f"{request.urn.rpartition('::')[2]}-{digits}"
    meta.setdefault("annotations", {})["pulumi.com/autonamed"] = "true"
