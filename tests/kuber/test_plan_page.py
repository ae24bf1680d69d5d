"""`kuber plan --html`: the page of a whole plan, as text and in a real browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from kuber.plan.document import Plan
from kuber.plan.page import page, resource_anchor
from kuber.plan.picture import Named, Nodes, picture
from tests.kuber.command import PROJECT, kuber
from tests.pages.browser import Tab, shown
from tests.pages.contrast import faint
from tests.plans import Plan as Planned
from tests.plans import plan as planned
from tests.plans import plan_with_charts
from tests.support import SHIPPED, StackFile

FILES = {one.stack: one for one in SHIPPED}
HOSTILE = "</script><script>alert('script')</script><img src=x onerror=\"alert('image')\">\u2028'\""


def _plan(file: StackFile, made: Planned | None = None, **others: Any) -> Plan:
    """The plan of a stack file; without the objects of charts, unless it was made with them."""
    made = made or planned(file)
    plan = Plan(
        stack=file.stack,
        settings=file.read(),
        resources=[vars(one) for one in made.resources.values()],
        outputs=made.outputs,
    )
    return replace(plan, **others)


def _data(text: str) -> list[dict[str, Any]]:
    [found] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)["resources"]


def _words(text: str) -> str:
    body = re.sub(r"(?s)<(script|style).*?</\1>", "", text.partition("<body>")[2])
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def _visible(tab: Tab) -> list[str]:
    return tab.texts("#entries .item > summary .name")


def _ready(stack: str = "prod-eks", **others: Any) -> str:
    return page(_plan(FILES[stack], **others))


@pytest.mark.parametrize("stack", FILES)
def test_every_resource_is_on_the_page_with_all_its_inputs(stack: str) -> None:
    plan = _plan(FILES[stack])
    shown_ones = {one["urn"]: one for one in _data(page(plan))}
    made = [one for one in plan.resources if one["type"] != "pulumi:pulumi:Stack"]
    assert len(shown_ones) == len(made) > 50
    for one in made:
        assert shown_ones[one["urn"]].get("inputs", {}) == one["inputs"]
        assert shown_ones[one["urn"]].get("unknown", []) == list(one["unknown"])
        assert shown_ones[one["urn"]]["id"] == resource_anchor(one["urn"])


@pytest.mark.parametrize(
    ("stack", "told"),
    {
        "prod-eks": (
            "eks, production, Kubernetes 1.35, release 2026.11",
            "Amazon EKS eu-west-1, account 210987654321",
            "office-vpn 10.250.0.0/20",
            "endpoint private only",
            "VPC 10.20.0.0/16",
            "eu-west-1a private 10.20.0.0/19 public 10.20.224.0/22 NAT gateway",
            "workers-spot spot 3–60 nodes m7i.2xlarge, m7a.2xlarge",
            "CriticalAddonsOnly=true:NoSchedule",
            "load balancers 4 system-load-balancers aws-load-balancer-controller 3.5.0",
            "EksCluster 125",
        ),
        "prod-gke": (
            "Google Kubernetes Engine europe-west1, project",
            "VPC network 10.30.0.0/20 pods 10.32.0.0/16 services 10.30.16.0/20 Cloud NAT",
            "europe-west1-b europe-west1-c europe-west1-d",
            "workers-spot-n2d spot 3–40 nodes n2d-standard-8",
        ),
        "colo-london": (
            "bare metal, production",
            "API server https://10.40.0.10:6443",
            "rack-a rack-b rack-c control plane control plane 3 nodes",
            "lon-worker-1 lon-worker-4",
            "load balancers 10.40.15.0/24",
        ),
    }.items(),
)
def test_the_picture_pools_and_components_are_there_without_a_script(stack: str, told: tuple[str, ...]) -> None:
    words = _words(_ready(stack))
    for one in told:
        assert one in words


def test_nodes_are_drawn_in_the_zones_of_their_pool() -> None:
    file = FILES["prod-eks"].set("pools.workers.zones", ["eu-west-1a", "eu-west-1c"])
    drawn = {one.name: one.nodes for one in picture(_plan(FILES["prod-eks"], settings=file.read())).pools}
    assert drawn["workers"] == [Nodes(always=0, more=10), None, Nodes(always=0, more=10)]
    assert drawn["system"] == [Nodes(always=1, more=1)] * 3
    assert [one.always + one.more for one in drawn["workers-spot-memory"] if one] == [7, 7, 6]


def test_machines_are_drawn_in_their_racks_by_name() -> None:
    drawn = {one.name: one.nodes for one in picture(_plan(FILES["colo-london"])).pools}
    assert drawn["control plane"][0] == Nodes(always=1, names=["lon-cp-1"])
    assert [one.names for one in drawn["general"] if one] == [
        ["lon-worker-1", "lon-worker-4"],
        ["lon-worker-2", "lon-worker-5"],
        ["lon-worker-3", "lon-worker-6"],
    ]


def test_more_nodes_than_can_be_drawn_are_a_number() -> None:
    file = FILES["prod-eks"].set("pools.workers-spot.max", 1000)
    assert "<small>+310</small>" in page(_plan(FILES["prod-eks"], settings=file.read()))


def test_a_public_endpoint_is_seen_at_once() -> None:
    file = FILES["prod-eks"].set("endpoint.public_cidrs", {"partner": "198.51.100.0/24"})
    seen = picture(_plan(FILES["prod-eks"], settings=file.read()))
    assert Named(name="endpoint", value="private and public", public=True) in seen.control_plane
    assert Named(name="partner", value="198.51.100.0/24", public=True) in seen.callers


def test_load_balancers_and_crds_of_charts_are_in_the_picture() -> None:
    plan = _plan(FILES["prod-eks"], plan_with_charts(FILES["prod-eks"]))
    traffic = {one.name.rpartition("/")[2]: one for one in picture(plan).traffic}
    assert traffic["nginx-ingress-internal-controller"].value == "internal"
    assert not traffic["nginx-ingress-internal-controller"].public
    assert traffic["nginx-ingress-public-controller"].public
    text = page(plan)
    assert "CRDs, applied first and never deleted: aws-load-balancer-controller v3.5.0 (1)" in _words(text)
    assert "__provider" not in text


def test_what_charts_lack_is_said_where_it_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "plan.html"
    done = kuber("plan", "colo-london", "--html", str(file), env={"XDG_CACHE_HOME": str(tmp_path / "none")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("colo-london: ")
    words = _words(file.read_text(encoding="utf-8"))
    assert "warning not rendered, not in the cache: kube-prometheus-stack" in words
    assert "ingress 12 charts missing system-ingress" in words
    assert "logging 12 system-logging" in words


def test_the_same_plan_is_the_same_page(tmp_path: Path) -> None:
    pages = []
    for seed in ("0", "4242"):
        file = tmp_path / f"{seed}.html"
        kuber("plan", "prod-gke", "--html", str(file), "--json", "-", env={"PYTHONHASHSEED": seed})
        pages.append(file.read_bytes())
    assert pages[0] == pages[1]


def test_secrets_are_not_on_the_page(tmp_path: Path) -> None:
    plan = _plan(FILES["prod-eks"])
    [secret, *_] = [one for one in plan.resources if one["type"] == "kubernetes:core/v1:Secret"]
    marked = {**secret, "inputs": {**secret["inputs"], "stringData": "[secret]"}}
    data = _data(page(replace(plan, resources=[marked if one is secret else one for one in plan.resources])))
    [shown_one] = [one for one in data if one["urn"] == secret["urn"]]
    assert shown_one["inputs"]["stringData"] == "[secret]"
    assert "secret" in shown_one["marks"]


@pytest.mark.parametrize("option", ["--html", "--json"])
@pytest.mark.parametrize("file", ["nowhere/plan", "."])
def test_a_file_that_can_not_be_written_is_told_before_the_work(option: str, file: str, tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "__main__.py"):
        (tmp_path / name).write_bytes((PROJECT / name).read_bytes())
    (tmp_path / "Pulumi.prod-eks.yaml").write_text("config: {}", encoding="utf-8")  # is worse, and would be told later
    done = kuber("plan", "prod-eks", option, file, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file}: can't be written" in done.stderr


def test_a_plan_without_a_page_loads_no_templates() -> None:
    watched = (
        "import sys, kuber.cli.plan, kuber.plan.view; print(sorted({'jinja2', 'kuber.plan.page'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", watched], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_resources_are_narrowed_down_by_provider_mark_kind_and_words() -> None:
    with shown(_ready()) as tab:
        toggles = "[...document.querySelectorAll('.toggle')]"
        tab.run(f"{toggles}.find((one) => one.textContent === 'protected').click()")
        assert _visible(tab) == ["prod-eks", "prod-eks-secrets", "prod-eks-network"]
        tab.click("#clear")
        tab.run(f"{toggles}.find((one) => one.textContent === 'vault').click()")
        assert tab.texts("#shown")[0].startswith("8 of ")
        kind = "[...document.querySelectorAll('select')].at(-1)"
        tab.run(f"{kind}.value = 'AuthBackend'; {kind}.dispatchEvent(new Event('change'))")
        assert tab.texts("#entries .item .kind") == ["AuthBackend"]
        tab.click("#clear")
        tab.press("/")
        tab.write("ec2/natgateway eu-west-1b")
        assert _visible(tab) == ["prod-eks-network-nat-eu-west-1b"]
        assert tab.console == []
        assert all(one.startswith(("file:", "data:")) for one in tab.requests)


def test_a_part_of_the_picture_leads_to_its_resources() -> None:
    with shown(_ready()) as tab:
        tab.run("[...document.querySelectorAll('.part a')].find((one) => one.textContent === 'dns').click()")
        tab.settle()
        assert tab.texts("#entries h3") == ["StandardStack › Part dns"]
        assert "system-dns" in _visible(tab)
        filters = tab.run("document.getElementById('filters').getBoundingClientRect().top")
        assert 0 <= filters < 900


def test_a_link_to_a_resource_opens_it_with_its_inputs() -> None:
    plan = _plan(FILES["prod-eks"])
    [group, *_] = [one for one in plan.resources if one["type"] == "aws:eks/nodeGroup:NodeGroup"]
    at = resource_anchor(group["urn"])
    with shown(page(plan), f"#{at}") as tab:
        tab.settle()
        [inputs] = tab.run(f"[...document.querySelectorAll('#{at} .inputs')].map((one) => one.textContent)")
        assert "scalingConfig: \n  desiredSize: 3\n  maxSize: 6\n  minSize: 3\n" in inputs
        assert 'taints: \n  - effect: NO_SCHEDULE\n    key: CriticalAddonsOnly\n    value: "true"\n' in inputs
        assert "nodeRoleArn: known after apply" in inputs
        tab.click(f"#{at} .fact a")
        tab.settle()
        assert tab.run("document.querySelector('.target .name').textContent") == "prod-eks-aws"


def test_texts_of_a_plan_are_text_whatever_is_in_them() -> None:
    plan = _plan(FILES["prod-eks"])
    resources = []
    for number, one in enumerate(plan.resources):
        is_part = one["type"] == "kuber:standard_stack:Part"
        inputs = {**one["inputs"], "charts": {HOSTILE: HOSTILE}} if is_part else {**one["inputs"], HOSTILE: [HOSTILE]}
        name = one["name"] if is_part or number % 2 else f"{one['name']} {HOSTILE}"
        options = {**one["options"], "ignoreChanges": [HOSTILE]}
        resources.append({**one, "name": name, "inputs": inputs, "options": options, "unknown": [HOSTILE]})
    hostile = replace(plan, resources=resources, outputs={HOSTILE: HOSTILE, "brings": [HOSTILE]}, warnings=[HOSTILE])
    with shown(page(hostile), width=390) as tab:
        tab.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        tab.settle()
        assert tab.dialogs == [] and tab.console == []
        assert tab.run("document.querySelectorAll('img, script:not([id])').length") == 1  # the page's own
        seen = HOSTILE.replace("\u2028", "\\u2028")
        for place in (".warning", ".chart", "#outputs", "#unknown", ".brings", "#components", "#entries"):
            assert seen in tab.run(f"document.querySelector({place!r}).textContent"), place
        assert tab.overflow() == []


@pytest.mark.parametrize("stack", FILES)
@pytest.mark.parametrize("colors", ["light", "dark"])
def test_all_is_readable_on_a_phone_and_a_desk_in_the_light_and_in_the_dark(
    stack: str, colors: Literal["light", "dark"]
) -> None:
    text = _ready(stack, incomplete=("ingress",))
    for width in (390, 1280):
        with shown(text, colors=colors, width=width) as tab:
            assert tab.overflow() == []
            assert faint(tab) == []
            assert tab.console == []


def test_without_scripts_all_but_the_resources_is_there() -> None:
    with shown(_ready(), scripts=False) as tab:
        assert "kuber plan prod-eks --json" in tab.texts("noscript")[0]
        assert tab.texts("#filters") == []
        assert len(tab.texts(".part")) == 12
        assert len(tab.texts("#pools tbody tr")) == 4
