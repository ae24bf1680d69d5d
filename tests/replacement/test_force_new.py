"""The project's own table of what replaces a resource knows exactly the types that the program makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from kuber.replacement import differences
from tests.plans import plan
from tests.standard_stack.test_every_object import EKS_OTHERWISE as EKS_WITH_OTHER_PARTS
from tests.support import EKS, EKS_OTHERWISE, GKE, GKE_OTHERWISE, METAL, METAL_OTHERWISE, StackFile

CLOUDS = ("aws:", "gcp:", "vault:")
STACKS = {
    "EKS": EKS,
    "EKS otherwise": EKS_OTHERWISE,
    "EKS with other parts": EKS_WITH_OTHER_PARTS,
    "EKS on a transit gateway": EKS.set("network.transit_gateway", "tgw-0a1b2c3d4e5f60718"),
    "GKE": GKE,
    "GKE otherwise": GKE_OTHERWISE,
    "bare metal": METAL,
    "bare metal otherwise": METAL_OTHERWISE,
    "bare metal with an engine of its own in Vault": METAL.set("standard_stack.secrets.make_mount", True),
}


def table() -> Mapping[str, Any]:
    return json.loads(differences.TABLE.read_text(encoding="utf-8"))


def types_of(file: StackFile) -> set[str]:
    return {one.type for one in plan(file).resources.values() if one.type.startswith(CLOUDS)}


@pytest.mark.parametrize("file", STACKS.values(), ids=STACKS)
def test_of_each_type_that_a_stack_has_it_is_known_what_replaces_it(file: StackFile) -> None:
    types = types_of(file)
    assert types
    assert types - set(table()["types"]) == set()


def test_the_table_has_no_type_that_the_program_does_not_make() -> None:
    made = {one for file in STACKS.values() for one in types_of(file)}
    known = {
        one for part in ("types", "presence", "conditional", "delete_before_replace_risk") for one in table()[part]
    }
    assert known - made == set()
