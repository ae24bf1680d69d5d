"""Price lists, and what a cluster costs by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kuber.review.prices import PriceList, PriceListError, read_prices

WHOLE = """\
currency: EUR
control_plane: {eks: 73, gke: 73.5}
machine_types:
  m7i.2xlarge: {on_demand: 0.45, spot: 0.17}
  m7g.xlarge: {on_demand: 0.18}
"""


def read(folder: Path, text: str) -> PriceList:
    (folder / "prices.yaml").write_text(text, encoding="utf-8")
    return read_prices(folder / "prices.yaml")


def refusal(folder: Path, text: str) -> str:
    """What is said of a list that can't be used, without the folder that it is in."""
    with pytest.raises(PriceListError) as caught:
        read(folder, text)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_price_list_tells_prices_of_a_month(tmp_path: Path) -> None:
    prices = read(tmp_path, WHOLE)
    assert (prices.currency, dict(prices.control_plane)) == ("EUR", {"eks": 73, "gke": 73.5})
    assert prices.of_month("m7i.2xlarge", "on_demand") == pytest.approx(328.5)
    assert prices.of_month("m7i.2xlarge", "spot") == pytest.approx(124.1)


def test_a_price_that_the_list_does_not_tell_is_none_rather_than_nothing_or_another(tmp_path: Path) -> None:
    prices = read(tmp_path, WHOLE)
    assert prices.of_month("m7g.xlarge", "spot") is None
    assert prices.of_month("c7i.large", "on_demand") is None


def test_a_price_of_nothing_is_a_price(tmp_path: Path) -> None:
    prices = read(tmp_path, "currency: €\nmachine_types: {lab: {on_demand: 0}}\n")
    assert prices.of_month("lab", "on_demand") == 0


def test_a_list_without_control_planes_is_one(tmp_path: Path) -> None:
    assert dict(read(tmp_path, "currency: EUR\nmachine_types: {}\n").control_plane) == {}


def test_a_misspelt_key_is_told_with_its_line_and_what_is_meant(tmp_path: Path) -> None:
    told = refusal(tmp_path, WHOLE.replace("{on_demand: 0.18}", "{ondemand: 0.18}"))
    assert told.splitlines()[0] == "prices.yaml:5: machine_types.m7g.xlarge.ondemand: unknown key"
    assert "did you mean `on_demand`?" in told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("0.18", "-0.18", "prices.yaml:5: machine_types.m7g.xlarge.on_demand: too small"),
        ("0.18", "cheap", "prices.yaml:5: machine_types.m7g.xlarge.on_demand: not a value that this key takes"),
        ("0.18", '"0.18"', "prices.yaml:5: machine_types.m7g.xlarge.on_demand: not a value that this key takes"),
        ("0.18", ".inf", "prices.yaml:5: machine_types.m7g.xlarge.on_demand: input should be a finite number"),
        ("0.18", ".nan", "prices.yaml:5: machine_types.m7g.xlarge.on_demand: input should be a finite number"),
        ("{on_demand: 0.18}", "0.18", "prices.yaml:5: machine_types.m7g.xlarge: not a value that this key takes"),
        ("eks: 73,", "ekz: 73,", "prices.yaml:2: control_plane.ekz: not a value that this key takes"),
        ("eks: 73,", "eks: -1,", "prices.yaml:2: control_plane.eks: too small"),
        ("currency: EUR\n", "", "prices.yaml:1: currency: `currency` is missing"),
        ("EUR", "the Euro of Europe", "prices.yaml:1: currency: not of the right form"),
        ("EUR", '"\\e[31mEUR"', "prices.yaml:1: currency: not of the right form"),
        ("EUR\n", "EUR\ncurrency: USD\n", "prices.yaml:2: currency: `currency` stands twice, first on line 1"),
        ("{eks: 73,", "{eks: 73", "prices.yaml:2: not YAML"),
    ],
)
def test_what_is_wrong_with_a_list_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert WHOLE.count(old) == 1
    assert refusal(tmp_path, WHOLE.replace(old, new)).startswith(told)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    told = refusal(tmp_path, "currency: 5\nmachine_types:\n  a: {on_demand: -1}\n  b: {spot: high}\n")
    heads = [line for line in told.splitlines() if not line.startswith(" ")]
    assert [line.split(": ")[1] for line in heads] == [
        "currency",
        "machine_types.a.on_demand",
        "machine_types.b.spot",
    ]


@pytest.mark.parametrize(("text", "what"), [("", "the file is empty"), ("- a\n", "the file holds no keys")])
def test_a_file_without_keys_is_answered_with_an_example(tmp_path: Path, text: str, what: str) -> None:
    told = refusal(tmp_path, text)
    assert told.startswith(f"prices.yaml: {what}")
    example = told.partition("expected: such as `")[2]
    assert example.startswith("currency: EUR` and `machine_types: {")


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(PriceListError, match=r"absent\.yaml: can't be read: No such file"):
        read_prices(tmp_path / "absent.yaml")


def test_a_file_of_something_else_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PriceListError, match=r"prices\.yaml: not text in UTF-8"):
        read_prices(tmp_path / "prices.yaml")


def test_a_file_name_can_not_colour_a_terminal(tmp_path: Path) -> None:
    with pytest.raises(PriceListError) as caught:
        read_prices(tmp_path / "\x1b[31mprices.yaml")
    assert "\x1b" not in str(caught.value)


def test_the_list_in_the_documentation_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "review.md").read_text(encoding="utf-8")
    example = text.partition("## Money")[2].partition("```yaml\n")[2].partition("```")[0]
    assert read(tmp_path, example).of_month("m7i.2xlarge", "spot")
