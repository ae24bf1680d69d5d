"""Objects become resources, each depending on what it can't be without, so that what carries others comes first and goes last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import pulumi

from components.charts.errors import ChartError
from components.charts.manifests import Manifest, identity, pod_labels, pod_template

from .house_rules import configuration_read
from .network import DEFAULT_DENY

Identity = tuple[str, str, str]
WORKLOADS = frozenset({"apps/Deployment", "apps/StatefulSet", "apps/DaemonSet"})
_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_SECRET_FIELDS = ("data", "stringData")


@dataclass(frozen=True, kw_only=True)
class Carried:
    """An object of the stack, with the part that it belongs to.

    Attributes:
        part: Name of the part.
        manifest: The object.
        ignored: Its properties that the cluster fills in.
    """

    part: str
    manifest: Manifest
    ignored: Sequence[str] = ()


def resource_name(one: Manifest) -> str:
    """`system-dns/external-dns`; the name alone where there is no namespace."""
    _, namespace, name = identity(one)
    return f"{namespace}/{name}" if namespace else name


def object_resource(one: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """One object as a resource, of the type that the Kubernetes SDK has for it, or would have."""
    version = one["apiVersion"] if "/" in one["apiVersion"] else f"core/{one['apiVersion']}"
    properties: dict[str, Any] = dict(one)
    if one["kind"] == "Secret":
        properties |= {field: pulumi.Output.secret(one[field]) for field in _SECRET_FIELDS if field in one}
    return pulumi.CustomResource(f"kubernetes:{version}:{one['kind']}", resource_name(one), properties, opts)


class Dependencies:
    """What each object of the stack can't be without.

    Args:
        objects: All objects of the stack.
        needs: Parts that come before a part, by its name; those that they need in turn included.
        bundle_owner: The part that brings an API group's CRDs, by group.
    """

    def __init__(
        self, objects: Sequence[Carried], needs: Mapping[str, Sequence[str]], bundle_owner: Mapping[str, str]
    ) -> None:
        self._needs, self._owner = needs, bundle_owner
        self._by_identity = {identity(one.manifest): one for one in objects}
        self._workloads: dict[str, list[Identity]] = {}
        self._bindings: dict[tuple[str, str], list[Identity]] = {}
        for one in objects:
            self._index(one)

    def ordered(self) -> list[tuple[Carried, list[Identity]]]:
        """Objects, each after what it depends on, with that; what another dependency implies is left out.

        Raises:
            ChartError: objects depend on each other in a circle.
        """
        direct = {at: self._direct(one) for at, one in self._by_identity.items()}
        try:
            order = list(TopologicalSorter(direct).static_order())
        except CycleError as error:
            circle = " → ".join("/".join(part for part in at if part) for at in error.args[1])
            raise ChartError("the standard stack", f"objects depend on each other: {circle}") from None
        implied: dict[Identity, set[Identity]] = {}
        for at in order:
            implied[at] = set().union(*(implied[below] | {below} for below in direct[at]))
        return [
            (self._by_identity[at], sorted(direct[at] - set().union(*(implied[below] for below in direct[at]))))
            for at in order
        ]

    def _index(self, one: Carried) -> None:
        manifest, at = one.manifest, identity(one.manifest)
        if at[0] in WORKLOADS:
            self._workloads.setdefault(one.part, []).append(at)
        if manifest["kind"] in ("RoleBinding", "ClusterRoleBinding"):
            for subject in manifest.get("subjects") or []:
                if subject["kind"] == "ServiceAccount":
                    account = (subject.get("namespace") or at[1], subject["name"])
                    self._bindings.setdefault(account, []).append(at)

    def _direct(self, one: Carried) -> set[Identity]:
        at = identity(one.manifest)
        found = {reference for reference in self._references(one, at) if reference in self._by_identity}
        return found - {at}

    def _references(self, one: Carried, at: Identity) -> Iterator[Identity]:
        manifest, (kind, namespace, name) = one.manifest, at
        if namespace:
            yield ("/Namespace", "", namespace)
        if kind == "/Namespace":
            for needed in self._needs.get(one.part, ()):
                yield from self._workloads.get(needed, ())
        if kind.startswith("rbac.authorization.k8s.io/") and "roleRef" in manifest:
            role = manifest["roleRef"]
            yield (f"{role['apiGroup']}/{role['kind']}", namespace if role["kind"] == "Role" else "", role["name"])
        if manifest["kind"] in _WEBHOOKS:
            for webhook in manifest.get("webhooks") or []:
                yield from self._behind(webhook["clientConfig"].get("service"))
        if kind == "apiregistration.k8s.io/APIService":
            yield from self._behind(manifest["spec"].get("service"))
        if template := pod_template(manifest):
            yield ("networking.k8s.io/NetworkPolicy", namespace, DEFAULT_DENY)
            yield from self._read_by_pods(template["spec"], namespace)
        elif (owner := self._owner.get(kind.rpartition("/")[0])) and owner in (one.part, *self._needs.get(one.part, ())):
            yield from self._workloads.get(owner, ())
            yield from self._read_by_pods(manifest.get("spec") or {}, namespace)

    def _read_by_pods(self, spec: Mapping[str, Any], namespace: str) -> Iterator[Identity]:
        account = spec.get("serviceAccountName")
        if isinstance(account, str):
            yield ("/ServiceAccount", namespace, account)
            yield from self._bindings.get((namespace, account), ())
        if isinstance(priority := spec.get("priorityClassName"), str):
            yield ("scheduling.k8s.io/PriorityClass", "", priority)
        if "containers" in spec:
            for kind, name in configuration_read(spec):
                yield (f"/{kind}", namespace, name)

    def _behind(self, service: Mapping[str, Any] | None) -> Iterator[Identity]:
        """A service that something calls, and the workloads behind it."""
        if not service:
            return
        at = ("/Service", service["namespace"], service["name"])
        yield at
        if at in self._by_identity:
            selector = self._by_identity[at].manifest["spec"].get("selector") or {}
            for workloads in self._workloads.values():
                for workload in workloads:
                    labels = pod_labels(self._by_identity[workload].manifest)
                    if workload[1] == at[1] and selector and selector.items() <= labels.items():
                        yield workload
