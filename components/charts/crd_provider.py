"""Applies bundles of CRDs; run by the engine's host for dynamic resources, which finds the class by the names of module and class.

Those names are in the state of every stack (`crd_bundle.PROVIDER`): who renames them breaks reading and deleting of what is there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import wraps
from typing import Any, TypeVar, cast

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from .api_server import ApiServer, ApiServerError, api_server
from .cache import ChartCache, canonical_json, digest_of
from .crd_versions import (
    formerly_stored,
    how_to_migrate,
    lost_versions,
    served_versions,
    shown_versions,
    stored_version,
)
from .errors import ChartError, NotCachedError
from .manifests import Manifest

_ESTABLISHED_SECONDS = 180.0
"""An API server of several waits five seconds by itself, so that the others know the CRD too."""
_NAMES_SECONDS = 5.0
"""After which names that aren't accepted are no matter of a moment."""
_GONE_SECONDS = 60.0
_POLL_SECONDS = (0.1, 0.2, 0.5, 1.0)
_TOLD_SECONDS = 10.0
"""How often is said what is still waited for."""
_REFRESH_PATIENCE_SECONDS = 10.0
"""Shorter than for a change: a preview waits for it."""

_INPUTS = ("version", "crds", "remove", "kubeconfig")


_Method = TypeVar("_Method", bound=Callable[..., Any])


def _told_briefly(method: _Method) -> _Method:
    """Cut what the host shows of an error that is a person's to mend: it prints the whole stack before the text."""

    @wraps(method)
    def brief(*args: Any) -> Any:
        try:
            return method(*args)
        except (ChartError, ApiServerError) as error:
            raise error.with_traceback(None) from None

    return cast(_Method, brief)


class CrdBundleProvider(ResourceProvider):
    """Applies CRDs by the server, waits until each is established, and deletes none but those named.

    The outputs of a resource are its inputs as they are in the cluster, and `storedVersions`: by CRD, versions that the cluster may
    still have objects in, though it stores new ones in another.
    """

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Find what can't be applied while nothing is touched: definitions that aren't on this machine."""
        failures: list[CheckFailure] = []
        try:
            _definitions(news)
        except ChartError as error:
            failures.append(
                CheckFailure("", str(error))
            )  # with a property's name, the engine shows all of its value too
        return CheckResult(news, failures)

    @_told_briefly
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Tell whether CRDs, version or what is to be removed has changed, or the cluster is reached otherwise.

        A kubeconfig alone counts too: another one may lead to a new cluster that has no CRDs, and what is read at the next refresh is
        reached by the one in the state. That is why one that isn't known yet counts as well.

        Raises:
            ChartError: a version would go that the cluster, as last read, still has objects in.
        """
        if all(olds.get(key) == news.get(key) for key in _INPUTS):
            return DiffResult(changes=False)
        _refuse_losses(olds.get("storedVersions") or {}, _definitions(news), news)
        return DiffResult(
            changes=None
        )  # the engine compares what was given with what is given, and shows where they differ

    @_told_briefly
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Apply all, after all are found to be fit.

        Raises:
            ChartError: one isn't; nothing has been changed. Or one isn't established in time.
            ApiServerError: the API server can't be asked, or refuses.
        """
        return CreateResult(_id(props), _applied(props))

    @_told_briefly
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Apply all, as `create` does; what is no longer in the bundle stays."""
        outs = _applied(news)
        if kept := sorted({*olds.get("crds", {})} - {*news["crds"], *news.get("remove", ())}):
            _say(f"no longer in the release, but kept: {', '.join(kept)}")
        return UpdateResult(outs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The bundle as the cluster has it: without CRDs that are missing, and with the versions that are really served and stored.

        A cluster that doesn't answer leaves the state as it is, with a warning: what was known of it is the best guess, and the
        program may be about to mend the way to it.
        """
        server = api_server(props["kubeconfig"])
        crds: dict[str, Any] = {}
        stored: dict[str, list[str]] = {}
        try:
            for name, facts in props["crds"].items():
                if live := _read_quickly(server, name):
                    crds[name] = {**facts, "versions": shown_versions(served_versions(live), stored_version(live))}
                    if former := formerly_stored(live):
                        stored[name] = former
        except ApiServerError as error:
            _say(f"warning: CRDs aren't refreshed, the state is taken for true: {error}")
            return ReadResult(id_, props, _inputs(props))
        inputs = {**_inputs(props), "crds": crds}
        return ReadResult(id_, _outputs(inputs, stored), inputs)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Leave all where they are: with a CRD go all objects of its kind."""
        if props["crds"]:
            _say(f"CRDs stay in the cluster, and so do their objects: {', '.join(sorted(props['crds']))}")


def _definitions(props: Mapping[str, Any]) -> dict[str, Manifest]:
    """The bundle's definitions from the cache of this machine, each what its digest says.

    Raises:
        NotCachedError: some aren't there.
    """
    cache = ChartCache()
    found = {name: cache.read_json("crds", facts["digest"]) for name, facts in props["crds"].items()}
    wrong = [name for name, facts in props["crds"].items() if _digest(found[name]) != facts["digest"]]
    if wrong:
        raise NotCachedError(
            f"CRDs {props['version']}",
            f"definitions aren't in {cache.folder / 'crds'}, or were changed there: {', '.join(sorted(wrong))}",
            "`kuber charts fetch`, and run this again; it has to be where the program runs",
        )
    return {name: definition for name, definition in found.items() if isinstance(definition, dict)}


def _digest(definition: object) -> str:
    return digest_of(canonical_json(definition)).removeprefix("sha256:")


def _applied(props: Mapping[str, Any]) -> dict[str, Any]:
    definitions = _definitions(props)
    server = api_server(props["kubeconfig"])
    live = {name: server.crd(name) for name in definitions}
    unwanted = {name: server.crd(name) for name in props.get("remove", ())}
    _refuse_losses({name: _stored(one) for name, one in live.items() if one}, definitions, props)
    _refuse_leaving({**live, **unwanted})
    _refuse_removal_in_use(server, unwanted)
    for definition in definitions.values():
        server.apply_crd(_ours(definition))
    stored = _wait_established(server, list(definitions))
    for one in unwanted.values():
        if one:
            server.delete_crd(one)
    _wait_gone(server, [name for name, one in unwanted.items() if one])
    return _outputs(_inputs(props), stored)


def _stored(live: Manifest) -> list[str]:
    return [*formerly_stored(live), stored_version(live)]


def _refuse_losses(
    stored: Mapping[str, Sequence[str]], definitions: Mapping[str, Manifest], props: Mapping[str, Any]
) -> None:
    for name, versions in stored.items():
        if name in definitions and (lost := lost_versions(versions, definitions[name])):
            raise ChartError(
                name,
                f"the cluster has objects stored in {', '.join(lost)}, which {props['version']} doesn't have any more; "
                "nothing of the bundle is changed",
                how_to_migrate(name, definitions[name], lost),
            )


def _refuse_leaving(live: Mapping[str, Manifest | None]) -> None:
    for name, one in live.items():
        if one and "deletionTimestamp" in one["metadata"]:
            raise ChartError(
                name, "is being deleted by somebody, with all its objects", "see that it is gone, then run this again"
            )


def _refuse_removal_in_use(server: ApiServer, unwanted: Mapping[str, Manifest | None]) -> None:
    for name, one in unwanted.items():
        if one and (objects := server.some_objects(one)):
            raise ChartError(
                name,
                f"is to be removed, and the cluster has objects of it, such as {', '.join(objects)}",
                f"with the CRD they would go too: delete them first (`kubectl get {name} -A` shows them)",
            )


def _ours(definition: Manifest) -> Manifest:
    """What is applied: not the status, and not the authority of a conversion webhook, which a controller fills in."""
    ours = deepcopy({key: value for key, value in definition.items() if key != "status"})
    webhook = (ours["spec"].get("conversion") or {}).get("webhook") or {}
    (webhook.get("clientConfig") or {}).pop("caBundle", None)
    return ours


def _wait_established(server: ApiServer, names: Sequence[str]) -> dict[str, list[str]]:
    """Wait for all; what of stored versions is then known."""
    stored: dict[str, list[str]] = {}
    missing: dict[str, str] = {}
    started = time.monotonic()

    def ready(name: str) -> bool:
        conditions = {}
        if live := server.crd(name):
            conditions = {one["type"]: one for one in (live.get("status") or {}).get("conditions") or ()}
        names_accepted = conditions.get("NamesAccepted", {})
        if names_accepted.get("status") == "False" and time.monotonic() - started > _NAMES_SECONDS:
            raise ChartError(
                name,
                f"the API server doesn't accept its names: {names_accepted.get('message') or names_accepted.get('reason')}",
                "another CRD of that group has them: see `kubectl get crd`",
            )
        missing[name] = conditions.get("Established", {}).get("message") or "no condition Established yet"
        done = all(conditions.get(one, {}).get("status") == "True" for one in ("NamesAccepted", "Established"))
        if done and live and (former := formerly_stored(live)):
            stored[name] = former
        return done

    late = _wait(names, ready, _ESTABLISHED_SECONDS, "to be established")
    if late:
        told = "; ".join(f"{name}: {missing[name]}" for name in late)
        raise ChartError(
            late[0] if len(late) == 1 else f"{len(late)} of {len(names)} CRDs",
            f"not established after {_ESTABLISHED_SECONDS:g} s: {told}",
            "all are applied; `kubectl describe crd` tells more, and running this again goes on",
        )
    return stored


def _wait_gone(server: ApiServer, names: Sequence[str]) -> None:
    if late := _wait(names, lambda name: server.crd(name) is None, _GONE_SECONDS, "to be gone"):
        raise ChartError(
            ", ".join(late), f"still there {_GONE_SECONDS:g} s after its deletion", "`kubectl describe crd` tells why"
        )


def _wait(names: Sequence[str], ready: Callable[[str], bool], seconds: float, what: str) -> list[str]:
    """Those that aren't ready when the time is over."""
    started = told = time.monotonic()
    waiting, polls = list(names), 0
    while waiting := [name for name in waiting if not ready(name)]:
        now = time.monotonic()
        if now - started > seconds:
            break
        if now - told > _TOLD_SECONDS:
            told = now
            _say(f"waiting for {len(waiting)} of {len(names)} CRDs {what}, {now - started:.0f} s so far")
        time.sleep(_POLL_SECONDS[min(polls, len(_POLL_SECONDS) - 1)])
        polls += 1
    return waiting


def _read_quickly(server: ApiServer, name: str) -> Manifest | None:
    """A CRD, of a server that answers; one that doesn't is waited for once, not by each bundle of the cluster."""
    if server.given_up:
        raise server.given_up
    try:
        return server.crd(name, _REFRESH_PATIENCE_SECONDS)
    except ApiServerError as error:
        server.given_up = error
        raise


def _inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {key: props[key] for key in _INPUTS if key in props}


def _outputs(inputs: Mapping[str, Any], stored: Mapping[str, list[str]]) -> dict[str, Any]:
    return {**inputs, "storedVersions": dict(stored)} if stored else dict(inputs)


def _id(props: Mapping[str, Any]) -> str:
    """For people: the API groups."""
    return ", ".join(sorted({name.partition(".")[2] for name in [*props["crds"], *props.get("remove", ())]}))


def _say(text: str) -> None:
    """To whoever runs the engine, which shows what its hosts write here."""
    print(text, file=sys.stderr, flush=True)
