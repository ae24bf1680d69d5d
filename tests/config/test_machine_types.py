"""What a machine type tells: its family, its architecture, and what its family can't have."""

from __future__ import annotations

import pytest

from config.machine_types import (
    EC2_FAMILIES,
    GCE_FAMILIES,
    GCE_FAMILIES_WITHOUT_HYPERDISK,
    GCE_FAMILIES_WITHOUT_SPOT,
    GCE_HYPERDISK_FAMILIES,
    architecture,
    ec2_family,
    gce_family,
)


@pytest.mark.parametrize(
    ("machine_type", "family", "kind"),
    [
        ("m7g.large", "m7g", "arm64"),
        ("m7i-flex.2xlarge", "m7i-flex", "x86_64"),
        ("t4g.micro", "t4g", "arm64"),
        ("g5g.metal", "g5g", "arm64"),
        ("u7i-12tb.224xlarge", "u7i-12tb", "x86_64"),
        ("p6-b200.48xlarge", "p6-b200", "x86_64"),
        ("m5.metal-24xl", "m5", "x86_64"),
    ],
)
def test_an_ec2_type_tells_its_family_and_architecture(machine_type: str, family: str, kind: str) -> None:
    assert (ec2_family(machine_type), architecture(machine_type)) == (family, kind)


@pytest.mark.parametrize(
    ("machine_type", "family", "kind"),
    [
        ("n2d-standard-8", "n2d", "x86_64"),
        ("e2-custom-4-8192", "e2", "x86_64"),
        ("t2a-standard-4", "t2a", "arm64"),
        ("c4a-highmem-16", "c4a", "arm64"),
        ("a3-highgpu-8g", "a3", "x86_64"),
    ],
)
def test_a_compute_engine_type_tells_its_family_and_architecture(machine_type: str, family: str, kind: str) -> None:
    assert (gce_family(machine_type), architecture(machine_type)) == (family, kind)


@pytest.mark.parametrize(
    "machine_type", ["", "m7g", "m7g.", ".large", "M7g.large", "m7g large", "m7g-large", "m7g.large.x", "m7ĝ.large"]
)
def test_what_is_no_ec2_type_is_refused(machine_type: str) -> None:
    with pytest.raises(ValueError, match="not an EC2 instance type"):
        ec2_family(machine_type)


@pytest.mark.parametrize("machine_type", ["", "n2d", "n2d-", "-standard-8", "N2D-standard-8", "n2d--8", "n2d.standard"])
def test_what_is_no_compute_engine_type_is_refused(machine_type: str) -> None:
    with pytest.raises(ValueError, match="not a Compute Engine machine type"):
        gce_family(machine_type)


@pytest.mark.parametrize("machine_type", ["m99.large", "x99-standard-4"])
def test_an_unknown_family_has_no_architecture(machine_type: str) -> None:
    with pytest.raises(ValueError, match="unknown machine family"):
        architecture(machine_type)


def test_graviton_is_what_ends_in_g_with_its_variants() -> None:
    """Names of EC2 families: a processor letter g after the generation means Graviton (EC2 user guide, "naming conventions")."""
    generation_then_g = {
        family
        for family in EC2_FAMILIES
        if any(family[i].isdigit() and family[i + 1 : i + 2] == "g" for i in range(len(family)))
    }
    arm = {family for family, kind in EC2_FAMILIES.items() if kind == "arm64"}
    assert arm - generation_then_g == {"a1"}
    assert generation_then_g - arm == set()


def test_what_is_said_of_families_is_said_of_known_ones() -> None:
    assert set(GCE_FAMILIES) >= GCE_FAMILIES_WITHOUT_SPOT | GCE_HYPERDISK_FAMILIES | GCE_FAMILIES_WITHOUT_HYPERDISK
    assert not GCE_HYPERDISK_FAMILIES & GCE_FAMILIES_WITHOUT_HYPERDISK
