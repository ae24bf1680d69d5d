"""A rehearsal's result for people and for programs, and its page in a real browser."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from kuber.rehearsal.observation import Budget, Moved, Observed, Outage, PoolNodes, Short, Waiting, Warned
from kuber.rehearsal.page import page
from kuber.rehearsal.report import low_budgets, show
from kuber.rehearsal.result import Leftover, Problem, Result, Step
from tests.pages.browser import shown

REFUSAL = (
    'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be <b>0</b> or more & [red]whole[/red]'
)


def _budget(healthy: int, *, broken: bool = False) -> Budget:
    why = "2 evicted" if broken else ""
    return Budget(name="shop/web", healthy=healthy, desired=2, expected=3, allowed=0, broken=broken, why=why)


SEEN = Observed(
    seconds=10,
    pools=[
        PoolNodes(pool="workers", before=3, added=["n4", "n5"], removed=["n1"], after=4),
        PoolNodes(pool="system", before=3, added=[], removed=[], after=3),
    ],
    moved=[Moved(workload="Deployment shop/web", pods=3, causes={"evicted": 2, "preempted": 1})],
    rolled={"Deployment shop/api": 1},
    budgets=[_budget(1, broken=True)],
    waiting=[
        Waiting(workload="Deployment shop/web", pods=2, longest_seconds=12.3, at_the_end=1, why="3 Insufficient cpu."),
        Waiting(workload="Deployment s/room", pods=1, longest_seconds=9, at_the_end=1, why="", placeholder=True),
    ],
    outages=[Outage(workload="Deployment shop/web", seconds=1.5, wanted=3, at_the_end=False)],
    short=[Short(workload="Deployment shop/web", ready=1, wanted=3, why="3 Insufficient cpu.")],
    restarts=2,
    warnings=[Warned(reason="FailedMount", about="Pod shop/web", message="no such volume", times=4)],
)
RESULT = Result(
    stack="prod-eks",
    base="origin/main (1a2b3c4)",
    change="the working tree",
    chaos=["pool workers interrupted"],
    started="2026-11-22 10:00 UTC",
    seconds=81.2,
    kubernetes_provider="a stand-in for 4.34.2",
    stand_ins=["aws: simulated", "nodes: simulated by kwok"],
    real=["the Pulumi engine", "a Kubernetes control plane v1.35.4"],
    steps=[
        Step(name="bring up origin/main", seconds=30, outcome="done", operations={"create": 400}),
        Step(
            name="apply the working tree",
            seconds=20.5,
            outcome="failed",
            operations={"same": 398, "update": 1, "replace": 1, "odd": 7},
            replaced=["aws:eks/nodeGroup:NodeGroup workers"],
            observed=SEEN,
            notes=["the autoscaler added 1 node to workers"],
        ),
        Step(name="interrupt", seconds=3, outcome="done", observed=replace(SEEN, budgets=[_budget(0)]), loss=True),
        Step(name="destroy", seconds=0, outcome="skipped"),
    ],
    problems=[
        Problem(step="apply the working tree", what="rejected by the API server", where="Deployment web", told=REFUSAL)
    ],
    leftovers=[
        Leftover(where="API server", what="CustomResourceDefinition things.shop.example", why="a CRD is never deleted"),
        Leftover(where="simulated cloud", what="aws:ebs/volume:Volume data"),
    ],
    notes=["secrets were replaced"],
)


def _text(result: Result) -> str:
    out = io.StringIO()
    show(result, out)
    return out.getvalue()


class _Words(HTMLParser):
    """What a reader of a page reads, and what a browser would load for it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loaded: list[str] = []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        self.loaded += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.mark.parametrize("shown", [_text(RESULT), _Words(page(RESULT)).text], ids=["text", "page"])
def test_everything_that_matters_is_told(shown: str) -> None:
    shown = re.sub(r"\s+", " ", shown)
    for told in (
        "prod-eks: the working tree on origin/main (1a2b3c4)",
        "1 problem",
        "a stand-in for 4.34.2",
        "aws: simulated",
        "nodes: simulated by kwok",
        "the Pulumi engine",
        "pool workers interrupted",
        "rejected by the API server",
        REFUSAL,
        "replaced: aws:eks/nodeGroup:NodeGroup workers",
        "the autoscaler added 1 node to workers",
        "nodes of workers: 3 nodes, 2 new, 1 gone, now 4",
        "Deployment shop/web: 3 pods moved (2 evicted, 1 preempted)",
        "Deployment shop/api: 1 pod replaced by a new version",
        "Deployment shop/web: 2 pods waited up to 12 s, 1 at the end",
        "3 Insufficient cpu.",
        "they only hold room ready",
        "Deployment shop/web: no ready pod for 1.5 s, then again",
        "2 restarts of containers",
        "warning FailedMount of Pod shop/web, 4 times",
        "no such volume",
        "broken: 2 evicted",
        "things.shop.example",
        "a CRD is never deleted",
        "aws:ebs/volume:Volume",
        "secrets were replaced",
        "skipped",
    ):
        assert told in shown
    assert "nodes of system" not in shown


def test_a_change_that_broke_nothing_says_so_and_names_the_stand_ins() -> None:
    fine = replace(RESULT, problems=[], steps=RESULT.steps[:1], leftovers=[], base="")
    for told in (_text(fine), page(fine)):
        assert "nothing broke" in told
        assert "prod-eks: the working tree on nothing, a new cluster" in told
        assert "nodes: simulated by kwok" in told
        assert "What broke" not in told


def test_a_budget_is_shown_once_where_it_was_worst_and_a_loss_of_nodes_breaks_none() -> None:
    (low,) = low_budgets(RESULT)
    assert (low.budget.healthy, low.step.name) == (
        1,
        "apply the working tree",
    )  # broken by us is worse than lower in a loss
    lost = replace(RESULT, steps=[replace(RESULT.steps[1], loss=True)])
    assert "fell below it: 2 evicted" in _text(lost)
    assert "fell below it: 2 evicted" in page(lost)


def test_the_document_says_all_of_it_for_programs() -> None:
    document = json.loads(json.dumps(RESULT.document()))
    assert (document["format"], document["fine"]) == (1, False)
    assert document["steps"][1]["observed"]["waiting"][0]["why"] == "3 Insufficient cpu."
    assert document["problems"][0]["told"] == REFUSAL
    assert document["stand_ins"] == ["aws: simulated", "nodes: simulated by kwok"]


def test_a_page_stands_by_itself_and_runs_nothing() -> None:
    text = page(RESULT)
    read = _Words(text)
    assert [one for one in read.loaded if not one.startswith("#")] == ["data:,"]
    assert "<script" not in text
    assert "url(" not in text
    assert "<b>0</b>" not in text


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_page_on_a_phone_and_on_a_desk(width: int) -> None:
    """The page is no wider than the window, its policy refuses nothing of its own, and each step has its bar."""
    long = replace(RESULT.problems[0], where="x" * 300)
    with shown(page(replace(RESULT, problems=[long])), width=width) as tab:
        assert tab.overflow() == []
        assert tab.console == []
        longest, shorter, *_ = tab.run("[...document.querySelectorAll('.bar')].map((one) => one.clientWidth)")
        assert longest > shorter > 0
