"""Which resource of before one of afterwards is, as the engine finds it by aliases (Pulumi's documentation, "aliases")."""

from __future__ import annotations

from typing import Any

import pytest

from kuber.review.renames import renamed
from tests.review.plan_by_hand import ROOT, Resource, plan, resource

COMPONENT = "kuber:network:Network"
VPC = "aws:ec2/vpc:Vpc"


def names(before: dict[str, Resource], after: dict[str, Resource]) -> dict[str, str]:
    return {urn.partition("::kuber::")[2]: old.partition("::kuber::")[2] for urn, old in renamed(before, after).items()}


@pytest.mark.parametrize(
    ("alias", "old"),
    [
        ("urn:pulumi:prod::kuber::aws:ec2/vpc:Vpc::old", resource(VPC, "old")),
        ({"urn": "urn:pulumi:prod::kuber::aws:ec2/vpc:Vpc::old"}, resource(VPC, "old")),
        ({"spec": {"name": "old"}}, resource(VPC, "old")),
        ({"name": "old"}, resource(VPC, "old")),
        ({"spec": {"type": "aws:ec2:Vpc"}}, resource("aws:ec2:Vpc", "new")),
        (
            {"spec": {"parentUrn": resource(COMPONENT, "c")["urn"]}},
            resource(VPC, "new", parent=resource(COMPONENT, "c")),
        ),
    ],
)
def test_an_alias_names_what_a_resource_was_before(alias: Any, old: Resource) -> None:
    new = resource(VPC, "new", aliases=[alias])
    assert renamed(plan(old), plan(new)) == {new["urn"]: old["urn"]}


def test_without_an_alias_nothing_is_renamed() -> None:
    assert renamed(plan(resource(VPC, "old")), plan(resource(VPC, "new"))) == {}


def test_an_alias_of_another_project_and_stack_is_found() -> None:
    new = resource(VPC, "new", aliases=[{"spec": {"name": "old", "stack": "other", "project": "infra"}}])
    old = "urn:pulumi:other::infra::aws:ec2/vpc:Vpc::old"
    assert renamed({old: {**resource(VPC, "old"), "urn": old}}, plan(new)) == {new["urn"]: old}


def test_a_resource_that_moves_out_of_a_component_is_found_by_its_parents_alias() -> None:
    component = resource(COMPONENT, "network")
    inner = resource(VPC, "main", parent=component, aliases=[{"spec": {"noParent": True}}])
    assert names(plan(resource(VPC, "main")), plan(component, inner)) == {f"{COMPONENT}${VPC}::main": f"{VPC}::main"}


def test_what_is_in_a_renamed_component_follows_it() -> None:
    old, new = resource(COMPONENT, "net"), resource(COMPONENT, "network", aliases=[{"spec": {"type": "kuber:old:Net"}}])
    old = resource("kuber:old:Net", "network")
    before = plan(old, resource(VPC, "main", parent=old))
    after = plan(new, resource(VPC, "main", parent=new))
    assert names(before, after) == {
        f"{COMPONENT}::network": "kuber:old:Net::network",
        f"{COMPONENT}${VPC}::main": f"kuber:old:Net${VPC}::main",
    }


def test_a_name_that_begins_with_its_components_follows_its_components_name() -> None:
    old, new = resource(COMPONENT, "net"), resource(COMPONENT, "network", aliases=[{"spec": {"name": "net"}}])
    before = plan(old, resource(VPC, "net-vpc", parent=old), resource(VPC, "other", parent=old))
    after = plan(new, resource(VPC, "network-vpc", parent=new), resource(VPC, "other", parent=new))
    assert names(before, after) == {
        f"{COMPONENT}::network": f"{COMPONENT}::net",
        f"{COMPONENT}${VPC}::network-vpc": f"{COMPONENT}${VPC}::net-vpc",
    }  # "other" has the same URN as before: a name of a component is no part of it


def test_aliases_of_a_resource_and_of_all_components_above_it_work_together() -> None:
    outer_old, outer = resource("kuber:a:Old", "o"), resource("kuber:a:New", "o", aliases=[{"type": "kuber:a:Old"}])
    inner_old = resource("kuber:b:Old", "i", parent=outer_old)
    inner = resource("kuber:b:New", "i", parent=outer, aliases=[{"type": "kuber:b:Old"}])
    old = resource(VPC, "old", parent=inner_old)
    new = resource(VPC, "new", parent=inner, aliases=[{"name": "old"}])
    assert renamed(plan(outer_old, inner_old, old), plan(outer, inner, new))[new["urn"]] == old["urn"]


def test_what_is_there_under_its_own_name_is_no_other_before() -> None:
    first, second = resource(VPC, "first"), resource(VPC, "second", aliases=[{"name": "first"}])
    assert renamed(plan(first), plan(first, second)) == {}


def test_of_two_that_claim_one_the_first_gets_it() -> None:
    old = resource(VPC, "old")
    claiming = [resource(VPC, name, aliases=[{"name": "old"}]) for name in ("a", "b")]
    assert renamed(plan(old), plan(*claiming)) == {claiming[0]["urn"]: old["urn"]}


def test_the_stack_is_no_part_of_its_resources_urns() -> None:
    new = resource(VPC, "new", aliases=[{"spec": {"name": "old", "parentUrn": ROOT}}])
    assert renamed(plan(resource(VPC, "old")), plan(new)) == {new["urn"]: resource(VPC, "old")["urn"]}
