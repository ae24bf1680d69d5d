"""Objects become resources, each depending on what it can't be without, so that what carries others comes first and goes last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import pulumi

from components.charts.errors import ChartError
from components.charts.manifests import Manifest, identity, pod_labels, pod_template
from components.charts.secret_texts import without_secret_texts
from config.model import SecretText

from .house_rules import configuration_read
from .patches import is_patch

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
        chart: The chart that it comes from; none where it is the part's own.
        ignored: Its properties that the cluster fills in.
    """

    part: str
    manifest: Manifest
    chart: str | None = None
    ignored: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the CRDs of an API group come from.

    Attributes:
        part: The part that brings them.
        chart: Its chart that renders them; none where they are a file of their own.
    """

    part: str
    chart: str | None


def resource_name(one: Manifest) -> str:
    """`system-dns/external-dns`; the name alone where there is no namespace."""
    _, namespace, name = identity(one)
    return f"{namespace}/{name}" if namespace else name


def object_resource(one: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """One object as a resource, of the type that the Kubernetes SDK has for it, or would have.

    Secrets of the stack file are secrets to the engine too, wherever they stand. What the cluster puts into a Secret is known as its
    `data`, and a secret as well.
    """
    version = one["apiVersion"] if "/" in one["apiVersion"] else f"core/{one['apiVersion']}"
    kind = f"{one['kind']}Patch" if is_patch(one) else one["kind"]
    properties: dict[str, Any] = without_secret_texts(one, lambda secret: pulumi.Output.secret(_value(secret)))
    if one["kind"] == "Secret":
        clear = {field: without_secret_texts(one[field], _value) for field in _SECRET_FIELDS if field in one}
        properties |= {"data": None} | {field: pulumi.Output.secret(clear[field]) for field in clear}
        secret_outputs = pulumi.ResourceOptions(additional_secret_outputs=list(_SECRET_FIELDS))
        opts = pulumi.ResourceOptions.merge(opts, secret_outputs)
    return pulumi.CustomResource(f"kubernetes:{version}:{kind}", resource_name(one), properties, opts)


def _value(secret: SecretText) -> str:
    """In the clear, under an engine; a plan knows it no more than what it shows instead."""
    return str(secret) if secret.value is None else secret.value


class Dependencies:
    """What each object of the stack can't be without.

    Args:
        objects: All objects of the stack.
        needs: Parts that come before a part, by its name; those that they need in turn included.
        crds: Where an API group's CRDs come from, by group.
    """

    def __init__(
        self, objects: Sequence[Carried], needs: Mapping[str, Sequence[str]], crds: Mapping[str, Origin]
    ) -> None:
        self._needs, self._crds = needs, crds
        self._by_identity = {identity(one.manifest): one for one in objects}
        self._workloads: dict[str, list[Identity]] = {}
        self._workloads_of_chart: dict[tuple[str, str | None], list[Identity]] = {}
        self._bindings: dict[tuple[str, str], list[Identity]] = {}
        self._policies: dict[str, list[tuple[Identity, Mapping[str, str]]]] = {}
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
            self._workloads_of_chart.setdefault((one.part, one.chart), []).append(at)
        if manifest["kind"] == "NetworkPolicy":
            self._policies.setdefault(at[1], []).append((at, manifest["spec"]["podSelector"].get("matchLabels") or {}))
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
        manifest, (kind, namespace, _) = one.manifest, at
        if namespace:
            yield ("/Namespace", "", namespace)
        if kind == "/Namespace":
            for needed in self._needs.get(one.part, ()):
                yield from self._workloads.get(needed, ())
        if kind.startswith("rbac.authorization.k8s.io/") and "roleRef" in manifest:
            role = manifest["roleRef"]
            yield (f"{role['apiGroup']}/{role['kind']}", namespace if role["kind"] == "Role" else "", role["name"])
        if not self._judges_own_crds(manifest):
            for service in _called_services(manifest):
                yield from self._behind(service)
        yield from _accounts_and_secrets(manifest, namespace)
        yield from (("storage.k8s.io/StorageClass", "", name) for name in _storage_classes(manifest.get("spec")))
        if template := pod_template(manifest):
            yield from self._policies_about(pod_labels(manifest), namespace)
            yield from self._read_by_pods(template["spec"], namespace)
        elif (crds := self._crds.get(kind.rpartition("/")[0])) and crds.part in (
            one.part,
            *self._needs.get(one.part, ()),
        ):
            yield from self._working_on(crds)
            yield from self._read_by_pods(manifest.get("spec") or {}, namespace)

    def _policies_about(self, labels: Mapping[str, str], namespace: str) -> Iterator[Identity]:
        """The policies that are about pods. They come first and go last: what removes load balancers still needs its way out then."""
        for at, selected in self._policies.get(namespace, ()):
            if selected.items() <= labels.items():
                yield at

    def _working_on(self, origin: Origin) -> Sequence[Identity]:
        """The workloads that work on a group's objects: those of the chart that brings it, or else of the whole part.

        Another chart of the part may wait for such an object, as trust-manager does for the certificate of its webhook.
        """
        return self._workloads_of_chart.get((origin.part, origin.chart)) or self._workloads.get(origin.part, ())

    def _judges_own_crds(self, manifest: Manifest) -> bool:
        """Whether webhooks are about groups of the stack's CRDs alone.

        Those can come before the pods behind them, and do: cert-manager puts the authority into the configuration when it is there,
        and an object that came sooner would be refused.
        """
        rules = [rule for webhook in manifest.get("webhooks") or [] for rule in webhook.get("rules") or []]
        return bool(rules) and all(group in self._crds for rule in rules for group in rule["apiGroups"])

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


def _called_services(manifest: Manifest) -> list[Mapping[str, Any] | None]:
    """Services that the API server calls for an object's sake."""
    if manifest["kind"] in _WEBHOOKS:
        return [webhook["clientConfig"].get("service") for webhook in manifest.get("webhooks") or []]
    return [manifest["spec"].get("service")] if manifest["kind"] == "APIService" else []


def _storage_classes(value: object) -> Iterator[str]:
    """Classes that claims within an object name."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "storageClassName" and isinstance(item, str):
                yield item
            yield from _storage_classes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _storage_classes(item)


def _accounts_and_secrets(manifest: Manifest, namespace: str) -> list[Identity]:
    """Secrets that a service account pulls images with; the account of a Secret with a token, which is taken away without it."""
    if manifest["kind"] == "ServiceAccount":
        return [("/Secret", namespace, secret["name"]) for secret in manifest.get("imagePullSecrets") or []]
    account = (manifest["metadata"].get("annotations") or {}).get("kubernetes.io/service-account.name")
    return [("/ServiceAccount", namespace, account)] if manifest["kind"] == "Secret" and account else []
