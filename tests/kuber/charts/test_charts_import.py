"""`kuber charts import`: archives, charts' folders and files of CRDs from a folder."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from components.charts.cache import ChartCache, digest_of
from components.charts.errors import ChartError
from kuber.charts import importing
from kuber.charts.constraints import fits
from kuber.charts.packing import pack
from tests.kuber.charts.conftest import CRDS, Charts, Releases
from tests.kuber.conftest import Kuber

PIN = {"repository": "https://charts.invalid", "version": "1.2.3"}
NEEDS_TILL = """apiVersion: v2
name: shop
version: 1.2.3
dependencies:
  - {name: till, version: ^2.0.0, repository: https://charts.invalid}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that is imported."""
    made = tmp_path / "usb"
    made.mkdir()
    return made


def names(content: bytes) -> list[str]:
    """What is in an archive."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return tar.getnames()


def test_an_archive_with_the_locked_digest_is_verified(
    kuber: Kuber, archive: Charts, releases: Releases, folder: Path, cache: ChartCache
) -> None:
    shutil.copy(archive("shop"), folder)
    digest = digest_of((folder / "shop-1.2.3.tgz").read_bytes())
    releases.write(charts={"shop": {**PIN, "digest": digest}})
    ended = kuber("charts", "import", folder)
    assert ended.code == 0
    assert "taken        shop 1.2.3" in ended.out
    assert "unverified" not in ended.out
    assert cache.require("charts", "shop", "1.2.3", digest).verified


def test_an_archive_with_another_digest_is_refused(
    kuber: Kuber, archive: Charts, releases: Releases, folder: Path, cache: ChartCache
) -> None:
    shutil.copy(archive("shop"), folder)
    releases.write(charts={"shop": {**PIN, "digest": f"sha256:{'0' * 64}"}})
    ended = kuber("charts", "import", folder)
    assert ended.code == 1
    assert "shop-1.2.3.tgz is another file than the one that is locked" in ended.err
    assert f"expected: sha256:{'0' * 64}" in ended.err
    assert cache.entry("charts", "shop", "1.2.3") is None


def test_an_archive_that_is_not_locked_is_taken_as_unverified(
    kuber: Kuber, archive: Charts, releases: Releases, folder: Path, cache: ChartCache
) -> None:
    shutil.copy(archive("shop"), folder)
    releases.write(charts={"shop": PIN})
    assert "unverified: its digest isn't locked yet" in kuber("charts", "import", folder).out
    assert not cache.require("charts", "shop", "1.2.3", "").verified


def test_it_becomes_verified_once_its_digest_is_locked(
    kuber: Kuber, archive: Charts, releases: Releases, folder: Path
) -> None:
    shutil.copy(archive("shop"), folder)
    releases.write(charts={"shop": PIN})
    kuber("charts", "import", folder)
    assert "unverified  shop 1.2.3" in kuber("charts", "verify").out
    digest = digest_of((folder / "shop-1.2.3.tgz").read_bytes())
    releases.write(charts={"shop": {**PIN, "digest": digest}})
    assert "fine        shop 1.2.3" in kuber("charts", "verify").out


def test_a_charts_folder_is_taken_as_unverified_though_the_release_is_locked(
    kuber: Kuber, chart: Charts, releases: Releases, folder: Path, cache: ChartCache
) -> None:
    chart("shop", below=folder)
    digest = f"sha256:{'0' * 64}"
    releases.write(charts={"shop": {**PIN, "digest": digest}})
    ended = kuber("charts", "import", folder)
    assert ended.code == 0
    assert "unverified: it was packed here, from a folder" in ended.out
    assert not cache.require("charts", "shop", "1.2.3", digest).verified


def test_a_folder_may_be_a_chart_itself(
    kuber: Kuber, chart: Charts, releases: Releases, folder: Path, cache: ChartCache
) -> None:
    releases.write(charts={"shop": PIN})
    assert kuber("charts", "import", chart("shop", below=folder)).code == 0
    assert cache.entry("charts", "shop", "1.2.3")


def test_a_published_archive_in_the_cache_is_not_replaced_by_a_folder(
    *, kuber: Kuber, archive: Charts, chart: Charts, releases: Releases, folder: Path, cache: ChartCache
) -> None:
    shutil.copy(archive("shop"), folder)
    digest = digest_of((folder / "shop-1.2.3.tgz").read_bytes())
    releases.write(charts={"shop": {**PIN, "digest": digest}})
    kuber("charts", "import", folder)
    (folder / "shop-1.2.3.tgz").unlink()
    chart("shop", below=folder)
    assert "passed over  shop" in kuber("charts", "import", folder).out
    assert cache.require("charts", "shop", "1.2.3", digest).digest == digest


def test_what_no_release_pins_is_passed_over_and_named(
    kuber: Kuber, chart: Charts, archive: Charts, releases: Releases, folder: Path
) -> None:
    chart("shop", "1.2.4", below=folder)
    shutil.copy(archive("till"), folder)
    (folder / "notes").mkdir()
    (folder / "notes.txt").write_text("hello", encoding="utf-8")
    releases.write(charts={"shop": PIN})
    ended = kuber("charts", "import", folder)
    assert ended.code == 0
    assert "no release pins shop 1.2.4, but 1.2.3" in ended.out
    assert "no release pins till 1.2.3" in ended.out
    assert "4 files and folders: 0 taken, 4 passed over, 0 refused" in ended.out


def test_crds_are_known_by_the_name_of_their_file(
    kuber: Kuber, releases: Releases, folder: Path, cache: ChartCache
) -> None:
    (folder / "shops-v1.yaml").write_bytes(CRDS)
    (folder / "shops-v2.yaml").write_bytes(CRDS)
    releases.write(crds={"shops": {"version": "v1", "url": "https://crds.invalid/a.yaml", "api_versions": ["a.b/v1"]}})
    ended = kuber("charts", "import", folder)
    assert "taken        shops v1" in ended.out
    assert "passed over  shops-v2.yaml" in ended.out
    assert cache.path("manifests", "shops", "v1").read_bytes() == CRDS


def test_one_that_is_refused_stops_no_other(
    kuber: Kuber, archive: Charts, releases: Releases, folder: Path, cache: ChartCache
) -> None:
    whole = archive("shop")
    (folder / "a-1.0.0.tgz").write_bytes(whole.read_bytes()[:-20])
    shutil.copy(whole, folder)
    releases.write(charts={"shop": PIN})
    ended = kuber("charts", "import", folder)
    assert ended.code == 1
    assert "a-1.0.0.tgz: the archive is cut off" in ended.err
    assert cache.entry("charts", "shop", "1.2.3")


def test_a_folder_gives_the_same_bytes_whenever_and_wherever_it_is_packed(chart: Charts, tmp_path: Path) -> None:
    one = chart(
        "shop", below=tmp_path / "one", templates__a_yaml="kind: Service\n", templates__b_yaml="kind: Service\n"
    )
    other = chart(
        "shop", below=tmp_path / "two", templates__b_yaml="kind: Service\n", templates__a_yaml="kind: Service\n"
    )
    (other / "values.yaml").chmod(0o600)
    assert pack(one) == pack(other)


def test_helm_renders_what_was_packed_as_it_renders_the_folder(chart: Charts, tmp_path: Path) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}}\n"
    folder = chart("shop", templates__a_yaml=service)
    tgz = tmp_path / "shop.tgz"
    tgz.write_bytes(pack(folder))
    rendered = [
        subprocess.run(["helm", "template", "x", path], check=True, capture_output=True, text=True).stdout
        for path in (folder, tgz)
    ]
    assert rendered[0] == rendered[1]
    assert "kind: Service" in rendered[0]


def test_what_a_helmignore_names_stays_out(chart: Charts) -> None:
    folder = chart("shop")
    (folder / "docs").mkdir()
    (folder / "docs" / "long.md").write_text("x", encoding="utf-8")
    (folder / "templates" / "a.bak").write_text("x", encoding="utf-8")
    (folder / "templates" / ".swp").write_text("x", encoding="utf-8")
    (folder / ".helmignore").write_text("# editors\n*.bak\ndocs/\n", encoding="utf-8")
    assert names(pack(folder)) == ["shop/.helmignore", "shop/Chart.yaml", "shop/values.yaml"]


def test_a_dependency_is_taken_from_beside_the_chart(chart: Charts, tmp_path: Path) -> None:
    folder = chart("shop")
    (folder / "Chart.yaml").write_text(NEEDS_TILL, encoding="utf-8")
    chart("till", "2.3.0")
    assert "shop/charts/till/Chart.yaml" in names(pack(folder))


def test_a_dependency_may_be_an_archive(chart: Charts, archive: Charts) -> None:
    folder = chart("shop")
    (folder / "Chart.yaml").write_text(NEEDS_TILL, encoding="utf-8")
    shutil.copy(archive("till", "2.3.0"), folder.parent)
    assert "shop/charts/till-2.3.0.tgz" in names(pack(folder))


def test_a_dependency_that_is_in_the_chart_stays_as_it_is(chart: Charts) -> None:
    folder = chart("shop")
    (folder / "Chart.yaml").write_text(NEEDS_TILL, encoding="utf-8")
    chart("till", "1.0.0", below=folder / "charts")
    chart("till", "2.3.0")
    with tarfile.open(fileobj=io.BytesIO(pack(folder))) as tar:
        inner = tar.extractfile("shop/charts/till/Chart.yaml")
        assert inner and b"version: 1.0.0" in inner.read()


@pytest.mark.parametrize("version", [None, "1.9.9", "3.0.0"])
def test_a_dependency_that_is_nowhere_or_does_not_fit_is_named(
    *, version: str | None, kuber: Kuber, chart: Charts, releases: Releases, folder: Path, cache: ChartCache
) -> None:
    (chart("shop", below=folder) / "Chart.yaml").write_text(NEEDS_TILL, encoding="utf-8")
    if version:
        chart("till", version, below=folder)
    releases.write(charts={"shop": PIN})
    ended = kuber("charts", "import", folder)
    assert ended.code == 1
    assert "shop 1.2.3: needs till ^2.0.0, which is neither in" in ended.err
    assert "helm dependency build" in ended.err
    assert cache.entry("charts", "shop", "1.2.3") is None


def test_charts_that_need_each_other_are_an_error(chart: Charts) -> None:
    folder = chart("shop")
    (folder / "Chart.yaml").write_text(NEEDS_TILL, encoding="utf-8")
    needs_shop = NEEDS_TILL.replace("till", "shop").replace("name: shop\nversion: 1.2.3", "name: till\nversion: 2.0.0")
    (chart("till") / "Chart.yaml").write_text(needs_shop.replace("^2.0.0", "1.2.3"), encoding="utf-8")
    with pytest.raises(ChartError, match="shop → till → shop"):
        pack(folder)


def test_a_link_out_of_a_charts_folder_is_refused(chart: Charts) -> None:
    folder = chart("shop")
    (folder / "templates" / "secret").symlink_to("/etc/passwd")
    with pytest.raises(ChartError, match="templates/secret is a link that leads out of the chart"):
        pack(folder)


def test_a_link_within_a_charts_folder_is_followed_but_not_in_a_circle(chart: Charts) -> None:
    folder = chart("shop", templates__a_yaml="kind: Service\n")
    (folder / "copies").symlink_to("templates")
    assert "shop/copies/a.yaml" in names(pack(folder))
    (folder / "templates" / "round").symlink_to("..")
    with pytest.raises(ChartError, match="a link to a folder that it lies in"):
        pack(folder)


@pytest.mark.parametrize("dependencies", ["1", "[till]", "[{version: 1.0.0}]", "{till: 1.0.0}"])
def test_dependencies_that_cannot_be_read_are_an_error(dependencies: str, chart: Charts) -> None:
    folder = chart("shop")
    text = f"apiVersion: v2\nname: shop\nversion: 1.2.3\ndependencies: {dependencies}\n"
    (folder / "Chart.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ChartError, match="its dependencies can't be read"):
        pack(folder)


def test_a_file_that_is_too_large_is_not_read(
    kuber: Kuber, releases: Releases, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MAX_BYTES", 2**20)
    (folder / "shop-1.2.3.tgz").write_bytes(b"\x1f\x8b" + b"\0" * 2**20)
    releases.write(charts={"shop": PIN})
    ended = kuber("charts", "import", folder)
    assert (ended.code, ended.err) == (1, "shop-1.2.3.tgz: has more than 1 MiB: that is no chart\n")


def test_a_folder_that_is_not_there_is_wrong_use(kuber: Kuber) -> None:
    assert kuber("charts", "import", "/nowhere").code == 2


@pytest.mark.parametrize(
    ("constraint", "fitting", "other"),
    [
        ("1.2.3", "1.2.3 v1.2.3", "1.2.4 1.2.3-rc.1"),
        ("0.12.*", "0.12.0 0.12.9", "0.13.0"),
        ("", "0.0.1 9.9.9", "1.0.0-rc.1"),
        ("^1.2", "1.2.0 1.9.9", "2.0.0 1.1.9"),
        ("^0.2.3", "0.2.9", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("~1.4.2", "1.4.9", "1.5.0 1.4.1"),
        ("~1", "1.9.0", "2.0.0"),
        (">= 1.0, < 3", "1.0.0 2.9.9", "3.0.0 0.9.9"),
        (">1.2", "1.3.0", "1.2.9"),
        ("<=1.2", "1.2.9", "1.3.0"),
        ("!=1.2.3", "1.2.4", "1.2.3"),
        ("1.0.0 - 2 || 4.x", "1.5.0 2.3.0 4.1.0", "3.0.0 0.9.0"),
        (">=1.0.0-0", "1.0.0-rc.1 1.0.0", "0.9.0"),
        (">=1.0.0-rc.2", "1.0.0-rc.10 1.0.0-rc.2.1", "1.0.0-rc.1 1.0.0-beta"),
    ],
)
def test_versions_fit_constraints_as_helm_reads_them(constraint: str, fitting: str, other: str) -> None:
    assert {one: fits(one, constraint) for one in fitting.split()} == dict.fromkeys(fitting.split(), True)
    assert {one: fits(one, constraint) for one in other.split()} == dict.fromkeys(other.split(), False)


@pytest.mark.parametrize("constraint", ["latest", "1.2.3.4", "^", ">= one", "1.2.3 or 2"])
def test_what_is_no_constraint_is_an_error(constraint: str) -> None:
    with pytest.raises(ValueError, match="no version constraint"):
        fits("1.2.3", constraint)
