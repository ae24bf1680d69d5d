"""Changes of the standard stack, and the review that is expected of each."""

from __future__ import annotations

from typing import Any

from tests.review.recorded import Recorded, check, each
from tests.review.repository import EKS, Repository, everywhere, replace

MONITORING = "      monitoring:\n"


@each(
    Recorded(
        "another release",
        everywhere('release: "2026.11"', 'release: "2026.08"'),
        {
            "prod-eks": "11 updated; highest danger: medium; nodes 6–106",
            "prod-gke": "10 updated; highest danger: medium; nodes 6–126",
            "colo-london": "10 updated; highest danger: medium; nodes 12",
        },
        [
            "low crds-change",
            "low workload-restarts",
            "medium chart-major",
            "medium crds-change",
            "medium workload-restarts",
        ],
    ),
    Recorded(
        "metrics kept for less time",
        [replace(EKS, MONITORING, MONITORING + "        prometheus: {retention: 3d}\n")],
        {"prod-eks": "2 updated; highest danger: medium; nodes 6–106", "prod-gke": "no change"},
        ["medium retention-lowered"],
    ),
    Recorded(
        "a header removed",
        everywhere(
            "      ingress:\n",
            "      ingress:\n        response_headers: {X-Content-Type-Options: null}\n",
            ["prod-gke", "colo-london"],
        ),
        {"prod-gke": "2 updated; highest danger: medium; nodes 6–126", "prod-eks": "no change"},
        ["medium header-dropped"],
    ),
    Recorded(
        "one replica instead of two",
        [replace(EKS, MONITORING, MONITORING + "        prometheus: {replicas: 1}\n")],
        {"prod-eks": "1 deleted, 1 updated; highest danger: medium; nodes 6–106"},
        ["medium fewer-replicas", "medium guard-removed", "medium workload-restarts"],
    ),
    Recorded(
        "a misspelt setting",
        [replace(EKS, MONITORING, MONITORING + "        prometheus: {replicsa: 1}\n")],
        {"prod-eks": "can't be planned", "prod-gke": "no change"},
        code=2,
    ),
    Recorded(
        "a misspelt value of a chart",
        [replace("components/standard_stack/metrics_api.py", '"replicas"', '"replicsa"')],
        {"prod-eks": "can't be planned"},
        stacks=["prod-eks"],
        code=2,
    ),
    Recorded(
        "a part turned off, with its namespace",
        [replace(EKS, MONITORING, "      metrics_api: {enabled: false}\n" + MONITORING)],
        {"prod-eks": "10 deleted; highest danger: high; nodes 6–106"},
        ["high namespace-goes"],
        stacks=["prod-eks"],
    ),
    Recorded(
        "a policy of Vault widened",
        [replace("components/standard_stack/secrets/policies.py", '": ["create"]}', '": ["create", "read"]}')],
        {
            "prod-eks": "1 updated; highest danger: medium; nodes 6–106",
            "colo-london": "1 updated; highest danger: medium; nodes 12",
        },
        ["medium rights-widened"],
        stacks=["prod-eks", "colo-london"],
    ),
    Recorded(
        "newer CRDs alone",
        [
            replace(
                "releases/2026.11.yaml",
                "  prometheus-operator:\n    version: v0.93.1",
                "  prometheus-operator:\n    version: v1.0.0",
            )
        ],
        {"prod-eks": "1 updated; highest danger: medium; nodes 6–106"},
        ["medium crds-change"],
        stacks=["prod-eks"],
    ),
    Recorded(
        "a default of all clusters",
        [replace("config/standard_stack/monitoring.py", 'retention: Duration = "15d"', 'retention: Duration = "10d"')],
        {
            "prod-eks": "2 updated; highest danger: medium; nodes 6–106",
            "prod-gke": "2 updated; highest danger: medium; nodes 6–126",
            "colo-london": "2 updated; highest danger: medium; nodes 12",
        },
        ["medium retention-lowered"],
    ),
    Recorded(
        "a weaker Pod Security level",
        [
            replace(
                "components/standard_stack/namespaces.py",
                '"pod-security.kubernetes.io/enforce": part.pod_security,',
                '"pod-security.kubernetes.io/enforce": "privileged",',
            )
        ],
        {"prod-eks": "8 updated; highest danger: high; nodes 6–106"},
        ["high pod-security-lowered"],
        stacks=["prod-eks"],
    ),
)
def test_a_change_of_the_standard_stack_is_reviewed(case: Recorded, repository: Repository, snapshot: Any) -> None:
    check(case, repository, snapshot)
