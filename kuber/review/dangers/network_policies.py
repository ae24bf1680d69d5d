"""NetworkPolicies that go or let more through: what pods then may do that nothing else keeps them from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kuber.review.model import LEVELS, Change, Danger, Level
from kuber.review.renames import Resource
from kuber.selectors import selects

from .addresses import Network, beyond, networks, without
from .case import Case, at, danger, mapping, mappings, metadata, name_of, namespace_of, objects, texts
from .workload_pods import pod_labels, takes_all, workloads

_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
_PEERS = {"Ingress": "from", "Egress": "to"}
_PART_LABEL = "kuber.dev/part"
_ALL = "all"

Labels = Mapping[str, Any]


@dataclass(frozen=True)
class _Flow:
    """Connections that a rule lets through.

    Attributes:
        peer: With whom: the text of a selector, `all`, or empty where `ranges` tell.
        ranges: Addresses of whom.
        protocol: None for all.
        first, last: Ports; None for all; a name stands for itself.
        shown: For people.
    """

    peer: str
    ranges: tuple[Network, ...]
    protocol: str | None
    first: Any
    last: Any
    shown: str

    @property
    def level(self) -> Level:
        """How much it opens."""
        if self.peer == _ALL or any(one.prefixlen <= 1 for one in self.ranges):
            return "high"
        return "medium" if self.ranges or self.peer == _EVERY_POD else "low"

    def lies_within(self, others: Iterable[_Flow]) -> bool:
        """Whether others, taken together, let the same through."""
        same = [one for one in others if _covers_ports(one, self)]
        if any(one.peer == _ALL for one in same):
            return True
        if self.peer:
            return any(one.peer == self.peer or (one.peer == _EVERY_POD and self.peer != _ALL) for one in same)
        return not beyond(self.ranges, (network for one in same for network in one.ranges))


_EVERY_POD = json.dumps({"namespaceSelector": {}})


def network_policies(case: Case) -> Iterator[Danger]:
    """Policies that are removed, that hold for other pods, and rules that let more through."""
    for change in case.changes:
        if change.type != _POLICY or change.before is None or case.goes_with_its_namespace(change):
            continue
        if change.operation == "delete":
            if not change.retained:
                yield from _without_it(case, change, change.before, lambda labels: True)
        elif change.after:
            yield from _loosened(case, change, change.before, change.after)
            selector = at(change.after["inputs"], "spec", "podSelector") or {}
            if selector != (at(change.before["inputs"], "spec", "podSelector") or {}):
                yield from _without_it(
                    case, change, change.before, lambda labels, new=selector: not selects(new, labels)
                )


def _loosened(case: Case, change: Change, before: Resource, after: Resource) -> Iterator[Danger]:
    for direction, word in _PEERS.items():
        governed = [direction in _directions(one) for one in (before, after)]
        if governed == [True, False] and _is_open(case, after, direction, _others(case, after), _pods(case, after)):
            yield _danger(change, "high", f"{direction.lower()} is no longer governed: all of it is let through")
        elif governed == [True, True]:
            olds = _flows(before, direction)
            if added := [one for one in _flows(after, direction) if not one.lies_within(olds)]:
                more = f" and {len(added) - 3} more" if len(added) > 3 else ""
                told = f"{direction.lower()} {word} " + "; ".join(one.shown for one in added[:3]) + more
                yield _danger(change, _level(added, direction), told)


def _level(added: list[_Flow], direction: str) -> Level:
    """How much new flows open; who reaches out to everybody isn't reached by everybody."""
    worst: Level = next(level for level in LEVELS if any(one.level == level for one in added))
    return "medium" if worst == "high" and direction == "Egress" else worst


def _danger(change: Change, level: Level, told: str) -> Danger:
    return danger(
        "network-policy-loosened",
        level,
        change,
        f"{change.label} lets more through",
        told,
        "See that each rule names the pods and ports that it must.",
    )


def _without_it(case: Case, change: Change, policy: Resource, concerns: Callable[[Labels], bool]) -> Iterator[Danger]:
    """What pods may do that a policy no longer holds for, or can't do any more: a policy both governs and allows."""
    namespace, others = namespace_of(policy), _others(case, policy)
    selector = at(policy["inputs"], "spec", "podSelector") or {}
    pods = [one for one in _pods(case, policy) if concerns(pod_labels(one))]
    opened = [one for one in _directions(policy) if _is_open(case, policy, one, others, pods)]
    if opened:
        whom = f"all pods of {namespace}" if takes_all(selector) else _named(pods) or "its pods"
        governs = " and ".join(one.lower() for one in opened)
        yield danger(
            "guard-removed",
            "high",
            change,
            f"{change.label} {'is removed' if change.operation == 'delete' else 'holds for fewer pods'}",
            f"nothing else governs {governs} of {whom}: all of it is let through",
            "Say in the change why it is no longer needed, or keep it.",
        )
        return
    lost = {
        f"{direction.lower()} {_PEERS[direction]} {flow.shown}": None
        for direction in _directions(policy)
        for flow in _flows(policy, direction)
        for one in pods
        if not flow.lies_within(_allowed(others, direction, pod_labels(one)))
    }
    if lost:
        yield danger(
            "traffic-refused",
            "medium",
            change,
            f"{change.label} {'is removed' if change.operation == 'delete' else 'holds for fewer pods'}",
            f"connections of {_named(pods)} that nothing else allows are refused: "
            + "; ".join([*lost][:3])
            + (f" and {len(lost) - 3} more" if len(lost) > 3 else ""),
            "See that nobody needs them any more.",
        )


def _is_open(case: Case, policy: Resource, direction: str, others: list[Resource], pods: list[Resource]) -> bool:
    """Whether there are pods that the policy held for and that no other policy governs, or may be later."""
    governing = [at(one["inputs"], "spec", "podSelector") or {} for one in others if direction in _directions(one)]
    if any(map(takes_all, governing)):
        return False
    selector = at(policy["inputs"], "spec", "podSelector") or {}
    if takes_all(selector) or any(not any(selects(one, pod_labels(pod)) for one in governing) for pod in pods):
        return True
    namespace = namespace_of(policy)
    owned = any(
        name_of(one) == namespace and _PART_LABEL in mapping(metadata(one).get("labels"))
        for one in objects(case.after, "Namespace")
    )
    return not owned and selector not in governing  # there, pods that the stack knows nothing of may be held by it


def _others(case: Case, policy: Resource) -> list[Resource]:
    """The policies of afterwards in a policy's namespace, itself among them if it is still there."""
    return [one for one in objects(case.after, "NetworkPolicy") if namespace_of(one) == namespace_of(policy)]


def _pods(case: Case, policy: Resource) -> list[Resource]:
    """What makes pods, afterwards, that a policy selects."""
    selector = at(policy["inputs"], "spec", "podSelector") or {}
    return [one for one in workloads(case.after, namespace_of(policy)) if selects(selector, pod_labels(one))]


def _allowed(policies: list[Resource], direction: str, labels: Labels) -> list[_Flow]:
    holding = [one for one in policies if selects(at(one["inputs"], "spec", "podSelector") or {}, labels)]
    return [flow for one in holding if direction in _directions(one) for flow in _flows(one, direction)]


def _directions(policy: Resource) -> list[str]:
    spec = mapping(policy["inputs"].get("spec"))
    types = texts(spec.get("policyTypes"))
    return (
        [one for one in _PEERS if one in types] if types else ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    )


def _flows(policy: Resource, direction: str) -> list[_Flow]:
    found = []
    for rule in mappings(at(policy["inputs"], "spec", direction.lower())):
        peers = mappings(rule.get(_PEERS[direction]))
        ports = mappings(rule.get("ports"))
        for peer, ranges, who in [_peer(one) for one in peers] or [
            (_ALL, (), "everywhere" if direction == "Ingress" else "anywhere")
        ]:
            for protocol, first, last in [_port(one) for one in ports] or [(None, None, None)]:
                at_ports = "" if protocol is None else f" at {protocol} {'any port' if first is None else first}"
                found.append(
                    _Flow(peer, ranges, protocol, first, last, f"{who}{at_ports}{f'–{last}' if last != first else ''}")
                )
    return found


def _peer(peer: Mapping[str, Any]) -> tuple[str, tuple[Network, ...], str]:
    block = mapping(peer.get("ipBlock"))
    if not block:
        return json.dumps(peer, sort_keys=True), (), _selected(peer)
    excepted = texts(block.get("except"))
    left_out = networks(excepted)
    ranges = tuple(part for one in networks([block.get("cidr")]) for part in without(one, left_out))
    told = f" except {', '.join(excepted)}" if excepted else ""
    return "", ranges, f"{block.get('cidr')}{told}"


def _selected(peer: Mapping[str, Any]) -> str:
    """`pods app=web of namespaces kubernetes.io/metadata.name=shop`."""
    pods = f"pods {_shown(peer['podSelector'])}" if "podSelector" in peer else "all pods"
    return f"{pods} of namespaces {_shown(peer['namespaceSelector'])}" if "namespaceSelector" in peer else pods


def _shown(selector: Any) -> str:
    if takes_all(selector):
        return "of any label"
    labels = [f"{key}={value}" for key, value in mapping(at(selector, "matchLabels")).items()]
    return ",".join([*labels, *(json.dumps(one, sort_keys=True) for one in mappings(at(selector, "matchExpressions")))])


def _port(port: Mapping[str, Any]) -> tuple[str, Any, Any]:
    first = port.get("port")
    return str(port.get("protocol", "TCP")), first, port.get("endPort", first)


def _covers_ports(one: _Flow, other: _Flow) -> bool:
    if one.protocol is None:
        return True
    if one.protocol != other.protocol:
        return False
    if one.first is None or (one.first, one.last) == (other.first, other.last):
        return True
    ports = [one.first, other.first, other.last, one.last]
    return all(isinstance(port, int) for port in ports) and ports[0] <= ports[1] and ports[2] <= ports[3]


def _named(resources: list[Resource]) -> str:
    names = [name_of(one) for one in resources]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
