"""Changes of node pools, and the review that is expected of each."""

from __future__ import annotations

from typing import Any

from tests.review.recorded import Recorded, check, each
from tests.review.repository import EKS, GKE, Repository, replace

WORKERS = "      workers:\n        machine_types: [m7i.2xlarge]\n        min: 0\n        max: 20\n"


@each(
    Recorded(
        "machine types of a spot pool",
        [replace(EKS, "m6a.2xlarge, m5.2xlarge", "m6a.2xlarge, m5n.2xlarge")],
        {"prod-eks": "6 deleted, 6 created; highest danger: medium; nodes 6–106", "prod-gke": "no change"},
        ["medium pool-replaced"],
    ),
    Recorded(
        "min and max",
        [
            replace(EKS, "        max: 60", "        max: 90"),
            replace(GKE, "        min: 3\n        max: 40", "        min: 6\n        max: 40"),
        ],
        {
            "prod-eks": "1 updated; nodes 6–106 → 6–136",
            "prod-gke": "1 updated; nodes 6–126 → 9–126",
            "colo-london": "no change",
        },
    ),
    Recorded(
        "a higher minimum on EKS",
        [replace(EKS, "        min: 3\n        max: 60", "        min: 6\n        max: 60")],
        {"prod-eks": "1 updated; highest danger: low; nodes 6–106 → 9–106"},
        ["low pool-grows"],
    ),
    Recorded(
        "disk size",
        [replace(EKS, "        max: 60\n", "        max: 60\n        disk_gib: 200\n")],
        {"prod-eks": "6 deleted, 6 created; highest danger: medium; nodes 6–106"},
        ["medium pool-replaced"],
    ),
    Recorded(
        "version of a pool",
        [replace(EKS, WORKERS, WORKERS + '        version: "1.34"\n')],
        {"prod-eks": "6 deleted, 6 created; highest danger: medium; nodes 6–106"},
        ["medium pool-replaced"],
    ),
    Recorded(
        "a new pool",
        [replace(EKS, WORKERS, WORKERS + "\n" + WORKERS.replace("workers:", "batch:"))],
        {"prod-eks": "6 created, 1 updated; nodes 6–106 → 6–126"},
    ),
    Recorded(
        "a pool removed",
        [replace(EKS, WORKERS, "")],
        {"prod-eks": "6 deleted, 1 updated; highest danger: high; nodes 6–106 → 6–86"},
        ["high pool-removed"],
    ),
    Recorded(
        "a pool renamed",
        [replace(EKS, "      workers:\n", "      workers-on-demand:\n")],
        {"prod-eks": "6 deleted, 6 created, 1 updated; highest danger: high; nodes 6–106"},
        ["high pool-renamed"],
    ),
    Recorded(
        "a machine removed",
        [
            replace(
                "Pulumi.colo-london.yaml",
                "      lon-worker-6: {address: 10.40.1.16, pool: general, zone: rack-c}\n",
                "",
            )
        ],
        {"colo-london": "1 deleted; highest danger: low; nodes 12 → 11", "prod-eks": "no change"},
        ["low machine-leaves"],
    ),
)
def test_a_change_of_node_pools_is_reviewed(case: Recorded, repository: Repository, snapshot: Any) -> None:
    check(case, repository, snapshot)
