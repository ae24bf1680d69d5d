"""The review's page in a real browser: filters, links, keyboard, a phone, the dark, names that would be markup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from kuber.review.model import ClusterReview, Entry, Manifest, Pool, Property, Range, Rehearsed, Review, Unknown
from kuber.review.page import change_anchor, page
from tests.pages.browser import Tab, shown
from tests.pages.contrast import faint
from tests.review.samples import DIFF, GONE, HIGH, LABELLED, LOW, POOL, REPLICAS, change, many, sample

HOSTILE = (
    "</script><script>alert('script')</script>",
    "<img src=x onerror=\"alert('image')\">",
    "\u2028alert('line')//",
    "'\"><svg onload=alert('svg')><b>bold</b>",
    "{{ 7 * 7 }}${alert('template')}",
)
SEEN = tuple(one.replace("\u2028", "\\u2028") for one in HOSTILE)
"""How a reader sees them."""


@pytest.fixture
def tab() -> Iterator[Tab]:
    """The sample, open; whatever a test does with it, nothing leaves and the policy refuses nothing."""
    with shown(page(sample())) as opened:
        yield opened
        assert opened.console == []
        assert all(one.startswith(("file:", "data:")) for one in opened.requests)


def _toggle(tab: Tab, name: str) -> None:
    tab.run(f"[...document.querySelectorAll('.toggle')].find((one) => one.textContent === {name!r}).click()")


def _names(tab: Tab, listing: str = "#entries") -> list[str]:
    return tab.texts(f"{listing} .item > summary .name")


def _dangers(tab: Tab) -> list[str]:
    return tab.texts("[data-danger] td:first-child a")


def _focused(tab: Tab) -> str:
    """The name in the line that has the focus."""
    return tab.run("document.activeElement.querySelector('.name, h3')?.textContent ?? document.activeElement.id")


def test_a_cluster_shows_its_own_changes_manifests_and_dangers(tab: Tab) -> None:
    assert _names(tab) == [POOL.name, GONE.name, REPLICAS.name]
    _toggle(tab, "prod-gke")
    assert _names(tab) == [REPLICAS.name]
    assert _names(tab, "#manifest-entries") == ["system-ingress/nginx-ingress"]
    assert _dangers(tab) == [LOW.what]
    assert tab.texts("#shown") == ["1 of 3 changes, 0 of 1 noise, 1 manifest, 1 of 2 dangers"]
    _toggle(tab, "prod-eks")
    assert _names(tab) == [POOL.name, GONE.name, REPLICAS.name]


def test_a_danger_s_level_shows_what_it_is_about(tab: Tab) -> None:
    _toggle(tab, "high")
    assert _names(tab) == [POOL.name]
    assert _dangers(tab) == [HIGH.what]
    assert tab.texts(".level .badge") == ["high"]


def test_an_operation_and_a_kind_narrow_down_together(tab: Tab) -> None:
    _toggle(tab, "delete")
    _toggle(tab, "update")
    assert _names(tab) == [GONE.name, REPLICAS.name]
    tab.run(
        "(() => { const kind = document.querySelector('select'); kind.value = 'Namespace'; "
        "kind.dispatchEvent(new Event('change')); })()"
    )
    assert _names(tab) == [GONE.name]
    tab.click("#clear")
    assert _names(tab) == [POOL.name, GONE.name, REPLICAS.name]


def test_words_are_looked_for_in_names_paths_and_values(tab: Tab) -> None:
    for words, found in (("2xlarge", [POOL.name]), ("NGINX:2 replicas", [REPLICAS.name]), ("nothing-like-it", [])):
        tab.press("/")
        tab.write(words)
        assert _names(tab) == found
        assert tab.texts("#clear") == ["Clear"]
        if found:
            tab.press("Escape")
    assert tab.texts("#entries") == ["Nothing matches the filters."]


def test_the_address_keeps_the_filters_for_whoever_it_is_sent_to(tab: Tab) -> None:
    _toggle(tab, "prod-gke")
    address = tab.run("location.hash")
    assert address == "#cluster=prod-gke"
    with shown(page(sample()), address) as other:
        assert _names(other) == [REPLICAS.name]
        assert other.texts(".toggle[aria-pressed=true]") == ["prod-gke"]


def test_a_link_to_a_change_opens_it_and_scrolls_there() -> None:
    at = change_anchor(REPLICAS.urn)
    with shown(page(sample()), f"#{at}", height=500) as tab:
        tab.settle()
        assert tab.run(f"document.getElementById({at!r}).open")
        assert tab.texts(f"#{at} .properties code")[0] == "spec.replicas"
        top = tab.run(f"document.getElementById({at!r}).getBoundingClientRect().top")
        filters = tab.run("document.getElementById('filters').getBoundingClientRect().bottom")
        assert filters <= top < 500
        assert _focused(tab) == REPLICAS.name


def test_a_link_to_what_the_filters_hide_takes_them_away(tab: Tab) -> None:
    _toggle(tab, "prod-gke")
    tab.go(f"#{change_anchor(POOL.urn)}")
    assert POOL.name in _names(tab)
    assert tab.texts(".toggle[aria-pressed=true]") == []
    assert _focused(tab) == POOL.name


def test_a_link_to_what_is_folded_away_unfolds_it(tab: Tab) -> None:
    assert _names(tab, "#noise") == []
    tab.go(f"#{change_anchor(LABELLED.urn)}")
    assert _names(tab, "#noise") == [LABELLED.name]
    assert _focused(tab) == LABELLED.name


def test_a_danger_leads_to_its_change_and_back(tab: Tab) -> None:
    tab.click("[data-danger] a")
    tab.settle()
    assert _focused(tab) == POOL.name
    tab.click(f"#{change_anchor(POOL.urn)} .remarks a")
    tab.settle()
    assert tab.texts("tr.target td:first-child a") == [HIGH.what]


def test_everything_is_reached_by_keyboard(tab: Tab) -> None:
    tab.press("/")
    assert _focused(tab) == "search"
    tab.write("system")
    tab.press("Enter")
    assert _focused(tab) == "EksCluster › ManagedNodeGroup system"
    tab.press("j")
    assert _focused(tab) == POOL.name
    at = change_anchor(POOL.urn)
    assert tab.run(f"document.getElementById({at!r}).open")
    tab.press("Enter")
    assert not tab.run(f"document.getElementById({at!r}).open")
    tab.press("j")
    assert _focused(tab) == "StandardStack › Part dns"
    tab.press("k")
    assert _focused(tab) == POOL.name
    tab.press("Escape")
    assert tab.run("document.getElementById('search').value") == ""
    assert len(_names(tab)) == 3


def test_what_is_written_into_the_search_is_no_command(tab: Tab) -> None:
    tab.press("/")
    for key in "jk/":
        tab.press(key)
    assert tab.run("document.getElementById('search').value") == "jk/"
    assert _focused(tab) == "search"
    tab.press("Escape")
    assert _focused(tab) != "search"


def test_five_thousand_changes_are_there_and_few_are_in_the_document() -> None:
    review = many(5000)
    with shown(page(review)) as tab:
        assert tab.texts("#shown") == ["5,000 changes, 1 noise, 5,000 manifests, 500 dangers"]
        assert tab.run("document.querySelectorAll('#entries *').length") < 500
        assert tab.run("document.querySelectorAll('#manifest-entries .item').length") == 100
        tab.run("document.querySelector('#entries .group > summary').click()")
        tab.settle()
        assert tab.run("document.querySelectorAll('#entries .item').length") == 100
        assert tab.texts("#entries .rest") == ["Show more: 150 changes left"]
        tab.click("#entries .rest")
        assert tab.run("document.querySelectorAll('#entries .item').length") == 200

        far = review.entries[4321].change
        tab.go(f"#{change_anchor(far.urn)}")
        assert _focused(tab) == far.name
        tab.press("/")
        tab.write("object-4321")
        assert _names(tab) == [far.name]
        tab.press("Escape")
        assert tab.texts("#shown") == ["5,000 changes, 1 noise, 5,000 manifests, 500 dangers"]
        assert tab.console == []


def _hostile() -> Review:
    """A review whose every text is what a script or markup would be."""
    every = " ".join(HOSTILE)
    deep = Property(path=every, kind="update", before={every: [every]}, after=f"{every}\n{every}", replaces=True)
    plainly = [Property(path=one, kind="update", before=one, after=[one], noise=one == HOSTILE[0]) for one in HOSTILE]
    changed = change("replace", every, deep, *plainly, type=f"x:y:{every}", because=every, engine=every)
    pools = [Pool(name=every, nodes=Range(least=1, most=2), machine_types=(every,), capacity=every)]
    danger = replace(
        HIGH, rule=every, what=every, where=every, reason=every, advice=every, stacks=(every,), urn=changed.urn
    )
    cluster = ClusterReview(
        stack=every,
        status="changed",
        counts={"replace": 1},
        changes=[changed],
        dangers=[danger],
        unknown=[Unknown(kind=every, properties=(every,), resources=1)],
        pools_after=pools,
        money_after=Range(least=1, most=2),
        notes=[every],
    )
    return Review(
        base=every,
        head=every,
        clusters=[cluster, ClusterReview(stack=f"{every} 2", status="broken", problem=every)],
        dangers=[danger, replace(danger, urn="")],
        entries=[Entry(component=every, stacks=(every, f"{every} 2"), change=changed)],
        noise=[Entry(component=every, stacks=(every,), change=replace(changed, urn=f"{changed.urn}2"))],
        manifests=[Manifest(what=every, operation="update", stacks=(every,), diff=f"{DIFF}+{every}\n")],
        rehearsals=[Rehearsed(stack=every, fine=False, summary=every, problems=(every,), stand_ins=(every,))],
        currency=every,
    )


def test_names_and_values_are_text_whatever_is_in_them() -> None:
    with shown(page(_hostile())) as tab:
        tab.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        tab.settle()
        assert tab.dialogs == []
        assert tab.console == []
        assert (
            tab.run("document.querySelectorAll('img, svg, b, iframe, script:not([id])').length") == 1
        )  # the page's own
        for place in (
            "h1 + p", ".card h2", ".card pre", ".facts", "[data-danger]", "#entries h3", "#entries .name", "#entries .kind",
            "#entries .remarks", "#entries tbody th", "#entries .before", "#entries .after", "#noise-entries .name",
            "#manifest-entries .diff", "#unknown li", "#notes li", ".rehearsal", ".facets .toggle",
        ):  # fmt: skip
            shown_there = tab.run(f"document.querySelector({place!r}).textContent")
            for one in SEEN:
                assert one in shown_there, place
        assert all(one.startswith(("file:", "data:")) for one in tab.requests)


@pytest.mark.parametrize(
    "fragment", ["#q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", "#cluster=%", "#<b>&q", "#__proto__=a"]
)
def test_an_address_is_no_way_in(fragment: str) -> None:
    with shown(page(sample()), fragment) as tab:
        assert tab.dialogs == [] and tab.console == []
        assert tab.run("document.querySelectorAll('img, b').length") == 0
        assert len(tab.texts("h1")) == 1


def test_the_policy_stops_what_would_get_in_all_the_same() -> None:
    """As if an escape had been forgotten: the browser itself refuses a script, a handler, a style and an image."""
    broken = page(sample()).replace(
        "</main>",
        "<script>document.title = 'in'</script><img src=x onerror=\"document.title = 'in'\">"
        "<img src='https://shop.example/x.png'><p style='position: fixed'>styled</p></main>",
    )
    with shown(broken) as tab:
        assert tab.run("document.title").startswith("Review")
        assert tab.run("getComputedStyle([...document.querySelectorAll('p')].at(-1)).position") == "static"
        assert not [one for one in tab.requests if "shop.example" in one]
        assert len(tab.console) >= 4 and all("Content Security Policy" in one for one in tab.console)


@pytest.mark.parametrize("review", [sample(), _hostile()], ids=["sample", "long words"])
def test_on_a_phone_nothing_sticks_out(review: Review) -> None:
    with shown(page(review), width=390, height=844) as tab:
        assert tab.texts("#facets") == []
        tab.click("#more-filters")
        assert "Operation" in tab.texts("#facets legend")
        tab.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        tab.settle()
        assert tab.overflow() == []
        assert tab.run("document.querySelector('tr[hidden]')") is None
        _toggle(tab, "replace")
        assert len(tab.texts("[data-danger]")) < len(review.dangers)


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_all_is_readable_in_the_light_and_in_the_dark(colors: Literal["light", "dark"], tmp_path: Path) -> None:
    with shown(page(sample()), colors=colors) as tab:
        ground = tab.run("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, ground[4:-1].split(","))) < 64) == (colors == "dark")
        tab.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        tab.settle()
        assert faint(tab) == []
        tab.picture(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 20_000


def test_without_scripts_verdicts_and_dangers_are_there_and_the_rest_is_told_of() -> None:
    with shown(page(sample()), scripts=False) as tab:
        assert (
            "The changes and manifests are shown by a script, and this browser runs none." in tab.texts("noscript")[0]
        )
        assert tab.texts("#filters") == []
        assert _dangers(tab) == [HIGH.what, LOW.what]
        assert len(tab.texts(".card")) == 3


def test_on_paper_everything_is_open() -> None:
    with shown(page(sample())) as tab:
        tab.run("document.querySelectorAll('details').forEach((one) => (one.open = false))")
        tab.send("Emulation.setEmulatedMedia", media="print")
        tab.run("dispatchEvent(new Event('beforeprint'))")
        assert _names(tab) == [POOL.name, GONE.name, REPLICAS.name]
        assert "spec.replicas" in tab.text() and "replicas: 2" in tab.text()
        assert tab.texts("#filters") == []


def test_the_page_s_anchors_are_what_links_from_elsewhere_use() -> None:
    text: Any = page(sample())
    for one in (POOL, GONE, REPLICAS, LABELLED):
        assert f'"id":"{change_anchor(one.urn)}"' in text
