"""Changes of whole clusters, of their control planes and of who reaches them, and the review that is expected of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.review.recorded import Recorded, check, each
from tests.review.repository import EKS, GKE, METAL, Repository, copy, everywhere, remove, replace

NETWORK = """            f"{name}-network",
            VpcArgs("""
OF_NETWORK = """                protect=settings.protect,
            ),
            self._child,
        )"""
ALIASED = """                protect=settings.protect,
            ),
            pulumi.ResourceOptions.merge(
                self._child, pulumi.ResourceOptions(aliases=[pulumi.Alias(name=f"{name}-network")])
            ),
        )"""


def _another_platform(folder: Path) -> None:
    """The stack file of one platform in the place of another's."""
    text = (folder / GKE).read_text(encoding="utf-8").replace("10.30.", "10.70.").replace("10.32.", "10.72.")
    (folder / EKS).write_text(text.replace("shop-production-7f3a", "shop-other-7f3a"), encoding="utf-8")


@each(
    Recorded(
        "version of the control plane",
        [replace(EKS, '      version: "1.35"', '      version: "1.36"')],
        {"prod-eks": "28 deleted, 28 created, 4 updated; highest danger: medium; nodes 6–106"},
        ["low workload-restarts", "medium control-plane-upgraded", "medium pool-replaced"],
        stacks=["prod-eks"],
        whole=False,
    ),
    Recorded(
        "a minor skipped",
        [replace(EKS, '      version: "1.34"', '      version: "1.36"')],
        {"prod-eks": "28 deleted, 28 created, 4 updated; highest danger: high; nodes 6–106"},
        ["high minor-skipped", "low workload-restarts", "medium pool-replaced"],
        stacks=["prod-eks"],
        before=[replace(EKS, '      version: "1.35"', '      version: "1.34"')],
        whole=False,
    ),
    Recorded(
        "a range that reaches the API server widened",
        everywhere(
            "office-vpn: 10.250.0.0/20\n        build",
            "office-vpn: 10.250.0.0/16\n        build",
            ["prod-eks", "prod-gke"],
        ),
        {
            "prod-eks": "1 deleted, 1 created; highest danger: medium; nodes 6–106",
            "prod-gke": "1 updated; highest danger: medium; nodes 6–126",
        },
        ["medium control-plane-touched", "medium range-widened"],
    ),
    Recorded(
        "the endpoint opened",
        [
            replace(
                one, "    endpoint: # private only\n", "    endpoint:\n      public_cidrs: {office: 203.0.113.0/24}\n"
            )
            for one in (EKS, GKE)
        ],
        {
            "prod-eks": "1 updated; highest danger: high; nodes 6–106",
            "prod-gke": "1 updated; highest danger: high; nodes 6–126",
        },
        ["high endpoint-public", "medium control-plane-touched"],
    ),
    Recorded(
        "a log type dropped",
        [replace("clusters/eks.py", "=list(LOG_TYPES)", '=[one for one in LOG_TYPES if one != "audit"]')],
        {"prod-eks": "1 updated; highest danger: high; nodes 6–106"},
        ["high log-type-dropped"],
        stacks=["prod-eks"],
    ),
    Recorded(
        "another encryption key",
        [
            replace(
                "clusters/eks.py",
                '{"provider": {"key_arn": key.arn}',
                '{"provider": {"key_arn": "arn:aws:kms:eu-west-1:1:key/2"}',
            )
        ],
        {"prod-eks": "1 updated; highest danger: high; nodes 6–106"},
        ["high encryption-changes", "medium control-plane-touched"],
        stacks=["prod-eks"],
    ),
    Recorded(
        "a key no longer rotated",
        [replace("clusters/eks.py", "enable_key_rotation=True", "enable_key_rotation=False")],
        {"prod-eks": "1 updated; highest danger: medium; nodes 6–106"},
        ["medium key-not-rotated"],
        stacks=["prod-eks"],
    ),
    Recorded(
        "logs kept for less time",
        [replace(EKS, "    network:\n      cidr", "    logs: {retention_days: 30}\n\n    network:\n      cidr")],
        {"prod-eks": "1 updated; highest danger: medium; nodes 6–106"},
        ["medium retention-lowered"],
    ),
    Recorded(
        "protection lifted",
        [replace(EKS, "    environment: production\n", "    environment: production\n    protect: false\n")],
        {"prod-eks": "3 updated; highest danger: medium; nodes 6–106"},
        ["medium protection-lifted"],
        stacks=["prod-eks"],
    ),
    Recorded(
        "an admin more",
        [replace(EKS, "      viewers:\n", "        jane: arn:aws:iam::210987654321:user/jane\n      viewers:\n")],
        {"prod-eks": "2 created; highest danger: high; nodes 6–106"},
        ["high rights-given"],
    ),
    Recorded(
        "a new cluster",
        [copy(EKS, "Pulumi.stage-eks.yaml", ("prod-eks", "stage-eks"), ("10.20.0.0", "10.60.0.0"))],
        {"stage-eks": "a new cluster: 353 resources; nodes 6–106", "prod-eks": "no change"},
    ),
    Recorded(
        "a cluster removed",
        [remove(GKE)],
        {"prod-gke": "its stack file goes, and nothing destroys it; highest danger: high; nodes 6–126 → none"},
        ["high cluster-removed"],
    ),
    Recorded(
        "a stack file broken",
        [replace(METAL, "platform: bare_metal", "platform: bare_meta")],
        {"colo-london": "can't be planned", "prod-eks": "no change"},
        code=2,
    ),
    Recorded(
        "a broken stack file mended",
        [replace(METAL, "platform: bare_meta\n", "platform: bare_metal\n")],
        {"colo-london": "can't be compared; highest danger: high", "prod-eks": "no change"},
        ["high not-compared"],
        before=[replace(METAL, "platform: bare_metal", "platform: bare_meta")],
    ),
    Recorded(
        "nothing that has an effect",
        [replace(EKS, "# Production on AWS, Ireland.", "# Production on AWS, in Ireland.")],
        {"prod-eks": "no change", "prod-gke": "no change", "colo-london": "no change"},
    ),
)
def test_a_change_of_a_cluster_is_reviewed(case: Recorded, repository: Repository, snapshot: Any) -> None:
    check(case, repository, snapshot)


def test_a_component_renamed_without_an_alias_is_deleted_and_made_anew(repository: Repository) -> None:
    repository.reset()
    repository.change(replace("clusters/eks.py", NETWORK, NETWORK.replace("-network", "-vpc")))
    reviewed = repository.review("prod-eks")
    assert reviewed.outcome("prod-eks").startswith(
        "42 deleted, 28 replaced, 42 created, 1 updated; highest danger: high"
    )
    (updated,) = (one for one in reviewed.document["clusters"][0]["changes"] if one["operation"] == "update")
    assert (
        updated["type"] == "aws:eks/cluster:Cluster"
    )  # its subnets are ignored; the security groups of its API are others too
    assert {"high protected", "high renamed-without-alias"} <= set(reviewed.dangers)


def test_a_component_renamed_with_an_alias_keeps_its_resources(repository: Repository) -> None:
    repository.reset()
    renamed = replace("clusters/eks.py", NETWORK, NETWORK.replace("-network", "-vpc"))
    repository.change(renamed, replace("clusters/eks.py", OF_NETWORK, ALIASED))
    reviewed = repository.review("prod-eks")
    counts = reviewed.document["clusters"][0]["counts"]
    assert set(counts) == {"update"}, reviewed.text
    assert "was called prod-eks-network; the resource itself stays" in reviewed.text
    assert not any("rename" in one for one in reviewed.dangers)


def test_another_platform_is_another_cluster(repository: Repository) -> None:
    repository.reset()
    repository.change(_another_platform)
    reviewed = repository.review("prod-eks")
    assert reviewed.code == 0, reviewed.text
    changed = {one["type"]: one["operation"] for one in reviewed.document["clusters"][0]["changes"]}
    assert changed["aws:eks/cluster:Cluster"] == "delete"
    assert changed["gcp:container/cluster:Cluster"] == "create"
    assert reviewed.document["highest"] == "high"
