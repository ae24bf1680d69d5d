"""Objects made, changed and removed the way the Kubernetes provider does it.

Source: pulumi-kubernetes, provider/pkg/await/await.go after 4.32.0. Since 4.30 a create is a plain POST, so that what is there
already is an error and isn't taken over (#4278); `upsertExistingObjects` brings back the server-side apply that patches always have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kuber.rehearsal.api import Api, ApiError, Kind

from . import kinds, ownership
from .diff import parse_path

Object = dict[str, Any]

_RETRY_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between tries of a create whose namespace or kind isn't there (pulumi-kubernetes: retry.go)."""

_CONFLICT_HELP = (
    "see https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/"
)
_HOW_TO_ADOPT = (
    "The object is in the cluster already, and not in this stack. If the resource was only renamed in the program, give it an"
    " alias; to change some fields of it, use a patch resource; to take it over, use `pulumi import`, or upsertExistingObjects of"
    " the provider."
)


def kind_of(one: Mapping[str, Any]) -> Kind:
    """API version and kind of an object."""
    return one["apiVersion"].removeprefix("core/"), one["kind"]


def served(api: Api, one: Mapping[str, Any]) -> bool:
    """Whether the API server knows the kind of an object."""
    try:
        api.resource(kind_of(one))
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return True


def live(api: Api, one: Mapping[str, Any], name: str | None = None) -> Object | None:
    """The object as it is in the cluster; None where it isn't."""
    meta = kinds.metadata(one)
    return api.get(kind_of(one), meta.get("namespace"), name or meta["name"])


def create(
    api: Api,
    one: Object,
    *,
    manager: str,
    apply: bool,
    force: bool,
    dry_run: bool,
    pause: Callable[[float], bool],
) -> Object:
    """Make an object, trying again while its namespace or its kind isn't there.

    Args:
        api: Where.
        one: The object.
        manager: Field manager of an apply.
        apply: By server-side apply, onto what may be there already; else it must not be there.
        force: An apply takes over fields of other managers.
        dry_run: The server answers what would be, and nothing is made.
        pause: Waits that many seconds; True ends the tries.

    Raises:
        ApiError: the server refuses, in its own words.
    """
    pauses = list(_RETRY_PAUSES)
    while True:
        try:
            if apply:
                return _apply(api, one, manager, force=force, dry_run=dry_run)
            query = {"fieldManager": ownership.CREATOR} | ({"dryRun": "All"} if dry_run else {})
            return api.request("POST", api.path_of(one, to_create=True), query, body=one)
        except ApiError as error:
            if error.reason == "AlreadyExists":
                raise _with_text(error, f"{error}\n{_HOW_TO_ADOPT}") from None
            missing_namespace = error.details.get("kind") == "namespaces"
            if error.status != 404 or not pauses or (dry_run and missing_namespace) or pause(pauses.pop(0)):
                raise


def update(
    api: Api,
    before: Object,
    one: Object,
    *,
    manager: str,
    patch: bool,
    force: bool,
    dry_run: bool,
    ignored: Sequence[str],
) -> Object:
    """Change an object by server-side apply; a CRD is put in its old one's place.

    Fields that the provider itself or kubectl set before become the manager's first. An ignored property that only others own is left
    out of what is applied; any other ignored one is applied as it is.

    Args:
        api: Where.
        before: The live object.
        one: The object as it shall be.
        manager: Field manager.
        patch: It is a patch of an object: nobody's fields are taken over.
        force: Fields of other managers are taken over.
        dry_run: The server answers what would be, and nothing is changed.
        ignored: Property paths of ignoreChanges.

    Raises:
        ApiError: the server refuses, in its own words.
    """
    query = {"fieldManager": manager} | ({"dryRun": "All"} if dry_run else {})
    if kinds.is_crd(one):
        put = {**one, "metadata": {**one["metadata"], "resourceVersion": before["metadata"]["resourceVersion"]}}
        return api.request("PUT", api.path_of(one), query, body=put)
    if not patch and not dry_run and (fields := ownership.handed_over(before, manager)):
        version = before["metadata"]["resourceVersion"]
        change = [
            {"op": "replace", "path": "/metadata/managedFields", "value": fields},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        ]
        path = api.path(kind_of(one), before["metadata"].get("namespace"), before["metadata"]["name"])
        before = api.request("PATCH", path, body=change, content_type="application/json-patch+json")
    for text in ignored:
        one = _without_change(one, before, manager, text)
    unowned = not before["metadata"].get("managedFields")
    forced = force or unowned or (dry_run and ownership.created_by_the_provider(before))
    return _apply(api, one, manager, force=forced, dry_run=dry_run)


def relinquish(api: Api, one: Mapping[str, Any], manager: str) -> None:
    """Give up all fields of an object; those that nobody else owns go back to their defaults or away.

    Raises:
        ApiError: the server refuses: a field is required that nobody else owns.
    """
    meta = one["metadata"]
    identity = {name: meta[name] for name in ("namespace", "name") if meta.get(name)}
    bare = {"apiVersion": one["apiVersion"], "kind": one["kind"], "metadata": identity}
    _apply(api, bare, manager, force=False, dry_run=False)


def delete(api: Api, one: Mapping[str, Any], name: str, *, propagation: str) -> bool:
    """Ask for a deletion; False where there is nothing to delete, or the kind is gone.

    Raises:
        ApiError: the server refuses.
    """
    return api.delete(kind_of(one), kinds.metadata(one).get("namespace"), name, propagationPolicy=propagation)


def _apply(api: Api, one: Mapping[str, Any], manager: str, *, force: bool, dry_run: bool) -> Object:
    try:
        return api.apply(one, field_manager=manager, force=force, dry_run=dry_run)
    except ApiError as error:
        if error.reason == "Conflict":
            raise _with_text(
                error, f"server-side apply conflict, {_CONFLICT_HELP}\nfield manager {manager!r}: {error}"
            ) from None
        raise


def _without_change(one: Object, before: Mapping[str, Any], manager: str, text: str) -> Object:
    path = parse_path(text)
    if ownership.owned_by_others_alone(before, manager, path):
        return _removed(one, list(path))
    found: Any = before
    for part in path:
        if not isinstance(found, dict) or part not in found:
            return one
        found = found[part]
    return _put(one, list(path), found)


def _removed(one: Any, path: list[Any]) -> Any:
    if not path or not isinstance(one, dict) or path[0] not in one:
        return one
    if len(path) == 1:
        return {name: value for name, value in one.items() if name != path[0]}
    return {**one, path[0]: _removed(one[path[0]], path[1:])}


def _put(one: Any, path: list[Any], value: Any) -> Any:
    if not path:
        return value
    below = one.get(path[0], {}) if isinstance(one, dict) else {}
    return {**(one if isinstance(one, dict) else {}), path[0]: _put(below, path[1:], value)}


def _with_text(error: ApiError, text: str) -> ApiError:
    return ApiError(text, status=error.status, reason=error.reason, details=error.details)
