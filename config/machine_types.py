"""Machine families of EC2 and Compute Engine: their architecture, and what their pools can't have.

A typing error in a stack file is told at once, and without the network; sizes within a family are left to the cloud.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

_EC2_SIZE = re.compile(r"nano|micro|small|medium|large|[1-9]?\d{0,2}xlarge|metal(-\d+xl)?")
_GCE_KIND = re.compile(r"micro|small|medium|[a-z]+(-[a-z]+)*(-\d+[a-z]?){1,2}(-[a-z]+)?")

Architecture = Literal["x86_64", "arm64"]


def _by_family(x86_64: str, arm64: str) -> Mapping[str, Architecture]:
    families: dict[str, Architecture] = {}
    for family in x86_64.split():
        families[family] = "x86_64"
    for family in arm64.split():
        families[family] = "arm64"
    return families


EC2_FAMILIES: Mapping[str, Architecture] = _by_family(
    x86_64="""
        c3 c4 c5 c5a c5ad c5d c5n c6a c6i c6id c6in c7a c7i c7i-flex c8a c8i c8i-flex c8ib c8id c8in c8ine
        d2 d3 d3en dl2q f2 g4ad g4dn g5 g6 g6e g6f g7 g7e gr6 gr6f h1 hpc6a hpc6id hpc7a hpc8a
        i2 i3 i3en i4i i7i i7ie inf1 inf2
        m3 m4 m5 m5a m5ad m5d m5dn m5n m5zn m6a m6i m6id m6idn m6in m7a m7i m7i-flex
        m8a m8azn m8i m8i-flex m8ib m8id m8idb m8idn m8in m8ine
        p3dn p4d p4de p5 p5e p5en p6-b200 p6-b300
        r3 r4 r5 r5a r5ad r5b r5d r5dn r5n r6a r6i r6id r6idn r6in r7a r7i r7iz
        r8a r8i r8i-flex r8ib r8id r8idb r8idn r8in
        t2 t3 t3a trn1 trn1n trn2 u-3tb1 u-6tb1 u7i-12tb u7i-6tb u7i-8tb u7in-16tb u7in-24tb u7in-32tb vt1
        x1 x1e x2idn x2iedn x2iezn x8aedz x8i z1d
    """,
    arm64="""
        a1 c6g c6gd c6gn c7g c7gd c7gn c8g c8gb c8gd c8gn c9g c9gd g5g hpc7g i4g i8g i8ge im4gn is4gen
        m6g m6gd m7g m7gd m8g m8gb m8gd m8gn m9g m9gd r6g r6gd r7g r7gd r8g r8gb r8gd r8gn t4g x2gd x8g
    """,
)
"""EC2 families that can be EKS nodes, current and previous generation.

Source: "Instance Types" of Karpenter 1.14 (aws/karpenter-provider-aws, website/content/en/preview/reference,
2026-07-11), made from EC2's DescribeInstanceTypes. Left out: c1, m1, m2 and t1, which start no HVM image, as the EKS
images are.
"""

GCE_FAMILIES: Mapping[str, Architecture] = _by_family(
    x86_64="a2 a3 a4 c2 c2d c3 c3d c4 c4d e2 g2 g4 h3 h4d m1 m2 m3 m4 n1 n2 n2d n4 n4d t2d z3",
    arm64="c4a n4a t2a",
)
"""Compute Engine families that can be GKE nodes; Arm is Ampere Altra (T2A) and Google Axion (C4A, N4A).

Source: machine types of all zones (Cyclenerd/google-cloud-pricing-cost-calculator, tools/machinetypes.csv, 2026-07-01).
Left out: f1 and g1 (too small for a node), A4X and X4 (by reservation or order), TPUs, C4N and M4N (too new to tell).
"""

GCE_FAMILIES_WITHOUT_SPOT = frozenset({"m2"})
"""Families that have no Spot VMs. All others listed here have a Spot price or the same options as standard VMs.

Sources: the same project's build/pricing.pl (2026-08-20), where M2 alone has no spot provisioning; "Spot VMs" in the
GKE documentation.
"""

GCE_HYPERDISK_FAMILIES = frozenset({"a4", "c4", "c4a", "c4d", "g4", "h4d", "m4", "n4", "n4a", "n4d", "z3"})
"""Families to boot from Hyperdisk: they take no pd-standard, pd-balanced or pd-ssd. hyperdisk-balanced fits each.

Sources: the Compute Engine driver's table of disks (kubernetes-sigs/gcp-compute-persistent-disk-csi-driver,
deploy/kubernetes/overlays/node-labeler/configmap.yaml, 2026-02-03) and Nextflow's, after Compute Engine's "Supported
disk types" (nextflow-io/nextflow, GoogleBatchMachineTypeSelector, 2026-08-21). They differ on C4A, N4 and Z3, to which
the first grants pd-balanced and pd-ssd: here the stricter one is followed.
"""

GCE_FAMILIES_WITHOUT_HYPERDISK = frozenset({"c2", "c2d", "e2", "g2", "n1", "n2d", "t2a", "t2d"})
"""Families that take no hyperdisk-balanced (the same driver's table, 2026-02-03)."""


def ec2_family(machine_type: str) -> str:
    """The family of an EC2 instance type: "m7g.large" → "m7g", "m7i-flex.large" → "m7i-flex".

    Raises:
        ValueError: it isn't written as a family, a dot and a size.
    """
    family, _, size = machine_type.partition(".")
    if not (_is_name(family) and _EC2_SIZE.fullmatch(size)):
        raise ValueError(f"not an EC2 instance type: {machine_type!r}; one is written like m7g.large")
    return family


def gce_family(machine_type: str) -> str:
    """The family of a Compute Engine machine type: "n2d-standard-8" → "n2d", "e2-custom-4-8192" → "e2".

    Raises:
        ValueError: it isn't written as a family, a hyphen and a kind.
    """
    family, _, kind = machine_type.partition("-")
    if not (_is_name(family) and _GCE_KIND.fullmatch(kind)):
        raise ValueError(f"not a Compute Engine machine type: {machine_type!r}; one is written like n2d-standard-8")
    return family


def architecture(machine_type: str) -> Architecture:
    """The architecture of an EC2 instance type (it has a dot) or a Compute Engine machine type (it has none).

    Raises:
        ValueError: malformed, or of an unknown family.
    """
    if "." in machine_type:
        family, families = ec2_family(machine_type), EC2_FAMILIES
    else:
        family, families = gce_family(machine_type), GCE_FAMILIES
    if family not in families:
        raise ValueError(f"unknown machine family {family!r} in {machine_type!r}")
    return families[family]


def _is_name(text: str) -> bool:
    """Lower-case letters and digits, in parts joined by single hyphens."""
    parts = text.split("-")
    return text.isascii() and text == text.lower() and all(part.isalnum() for part in parts)
