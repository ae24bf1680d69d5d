"""A plan as a page: a picture of the cluster, its pools and components, and every resource with all that is known of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kuber.pages.rendering import anchor, render
from kuber.review.shared_names import readable_component

from .document import Plan
from .picture import PART, picture
from .registration import SECRET
from .summary import (
    Component,
    Resource,
    brought,
    component_tree,
    count,
    crd_bundles,
    kind_of,
    made,
    pool_columns_and_rows,
    unknown,
)

_TEMPLATE = Path(__file__).with_name("page.html.j2")

_SQUARES = 24
"""Nodes of a pool that are drawn in one zone; of more, the rest is a number."""

_IS_SECRET = SECRET.removesuffix("]")
"""How what stands for a secret begins, also where a fingerprint follows."""


def page(plan: Plan) -> str:
    """The page, HTML. Picture, pools and components are markup; the resources are data that the page's script shows."""
    tree = component_tree(plan)
    places = dict(_places(tree, plan.stack))
    total, kinds = unknown(plan)
    columns, rows = pool_columns_and_rows(plan)
    return render(
        _TEMPLATE,
        data={"resources": _shown_resources(plan, places)},
        plan=plan,
        settings=plan.settings,
        summary=_summary(plan),
        tiles=_tiles(plan, places, total),
        picture=picture(plan),
        drawn=_drawn,
        brings=brought(plan),
        bundles=crd_bundles(plan),
        pool_columns=columns,
        pool_rows=rows,
        tree=tree,
        place_of=lambda component: places[component.resource["urn"]],
        name_of=lambda component: readable_component([component.label], plan.stack),
        count=count,
        unknown_total=total,
        unknown_kinds=kinds,
        outputs={name: _written(value) for name, value in plan.outputs.items()},
    )


def resource_anchor(urn: str) -> str:
    """The id of a resource on the page, for links to it from elsewhere."""
    return anchor("resource", urn)


def _summary(plan: Plan) -> str:
    settings = plan.settings
    told = (settings.platform.replace("_", " "), settings.environment, f"Kubernetes {settings.kubernetes.version}")
    return ", ".join((*told, f"release {settings.release}"))


def _tiles(plan: Plan, places: Mapping[str, str], unknown_values: int) -> list[tuple[str, str]]:
    """The numbers that tell how large the cluster is, each with its name."""
    numbers = (
        (len(made(plan)), "resource"),
        (len(places) - 1, "component"),
        (len(plan.settings.pools), "node pool"),
        (len(plan.settings.spread_over), "zone"),
        (sum(one["type"] == PART for one in plan.resources), "part"),
    )
    told = [(f"{number:,}", count(number, name).partition(" ")[2]) for number, name in numbers]
    return [*told, (f"{unknown_values:,}", "unknown until apply")]


def _drawn(nodes: Any) -> tuple[range, range, int]:
    """The squares of nodes that are always there, of those that may be, and how many more there are than squares."""
    always = min(nodes.always, _SQUARES)
    more = min(nodes.more, _SQUARES - always)
    return range(always), range(more), nodes.always + nodes.more - always - more


def _places(component: Component, stack: str, above: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Where components are, by URN: `StandardStack › Part ingress`."""
    yield component.resource["urn"], readable_component(above, stack)
    for one in component.components:
        yield from _places(one, stack, (*above, one.label))


def _shown_resources(plan: Plan, places: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the script is given; numbers stand for resources: their places in the list. What is empty is left out."""
    resources = sorted(made(plan), key=lambda one: (places[one["parent"]], kind_of(one), one["name"]))
    numbers = {one["urn"]: number for number, one in enumerate(resources)}
    return [_shown_resource(one, places, numbers) for one in resources]


def _shown_resource(resource: Resource, places: Mapping[str, str], numbers: Mapping[str, int]) -> dict[str, Any]:
    options = {name: value for name, value in resource["options"].items() if name not in ("dependsOn", "aliases")}
    inputs = {name: value for name, value in resource["inputs"].items() if name != "__provider"}
    namespace = _namespace(inputs)
    told = {
        "id": resource_anchor(resource["urn"]),
        "group": places[resource["parent"]],
        "kind": kind_of(resource),
        "name": resource["name"],
        "urn": resource["urn"],
        "maker": _maker(resource["type"]),
        "namespace": namespace,
        "marks": list(_marks(resource)),
        "inputs": inputs,
        "unknown": resource["unknown"],
        "options": options,
        "provider": numbers.get(resource["provider"] or ""),
        "after": [numbers[urn] for urn in resource["options"].get("dependsOn", ()) if urn in numbers],
    }
    return {key: value for key, value in told.items() if value is not None and value not in ([], {})}


def _maker(type_: str) -> str:
    """Whose resource it is: `aws`, `kubernetes`; `kuber` for components and CRDs."""
    package = type_.partition(":")[0]
    if package == "pulumi":
        return type_.rpartition(":")[2]
    return "kuber" if package == "pulumi-python" else package


def _namespace(inputs: Mapping[str, Any]) -> str | None:
    metadata = inputs.get("metadata")
    return metadata.get("namespace") if isinstance(metadata, Mapping) else None


def _marks(resource: Resource) -> Iterator[str]:
    if resource["options"].get("protect"):
        yield "protected"
    if resource["unknown"]:
        yield "unknown"
    if _IS_SECRET in json.dumps(resource["inputs"]):
        yield "secret"


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
