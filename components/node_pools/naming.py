"""Names and labels that pools have alike on every platform."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from config.node_pools import CAPACITY_LABEL, POOL_LABEL, NodePool

FINGERPRINT_LENGTH = 6


def fingerprint(unchangeable: Mapping[str, object]) -> str:
    """A short hash of what can't change on live nodes; a change of it makes a new pool beside the old one.

    Args:
        unchangeable: Plain data. Keys with None are left out, so that a property added to the program later, unset, moves no pool.
    """
    told = {key: value for key, value in unchangeable.items() if value is not None}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def node_labels(pool_name: str, pool: NodePool, capacity: str) -> dict[str, str]:
    """The labels of a pool's nodes: the stack file's, and the two by which services select nodes on any platform."""
    return {**pool.labels, POOL_LABEL: pool_name, CAPACITY_LABEL: capacity}
