"""What happens in a cluster while something else acts on it: nodes, pods, disruption budgets, workloads."""

from .facts import Budget, Moved, Observed, Outage, PoolNodes, Short, Waiting, Warned
from .ledger import Change, Ledger
from .watching import Observer

__all__ = [
    "Budget",
    "Change",
    "Ledger",
    "Moved",
    "Observed",
    "Observer",
    "Outage",
    "PoolNodes",
    "Short",
    "Waiting",
    "Warned",
]
