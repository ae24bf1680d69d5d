"""Archives of charts are looked into before anything uses them."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from components.charts import archive
from components.charts.archive import ArchiveError, check_archive

CHART_YAML = b"apiVersion: v2\nname: shop\nversion: 1.2.3\n"
Edit = Callable[[tarfile.TarFile], None]


def tar_of(*edits: Edit, chart_yaml: bytes = CHART_YAML) -> bytes:
    """A tar of a sound chart, with more in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        file("shop/Chart.yaml", chart_yaml)(tar)
        file("shop/values.yaml", b"replicas: 1\n")(tar)
        for edit in edits:
            edit(tar)
    return packed.getvalue()


def packed(*edits: Edit, chart_yaml: bytes = CHART_YAML) -> bytes:
    return gzip.compress(tar_of(*edits, chart_yaml=chart_yaml))


def file(name: str, content: bytes = b"") -> Edit:
    return entry(name, tarfile.REGTYPE, content=content)


def entry(name: str, kind: bytes, *, content: bytes = b"", link: str = "") -> Edit:
    def add(tar: tarfile.TarFile) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, len(content)
        tar.addfile(member, io.BytesIO(content))

    return add


def refusal(content: bytes) -> str:
    with pytest.raises(ArchiveError) as caught:
        check_archive(content, "shop 1.2.3")
    assert caught.value.chart.startswith("shop 1.2.3")
    return caught.value.reason


def test_a_sound_archive_tells_its_name_and_version() -> None:
    chart = check_archive(packed(entry("shop/templates", tarfile.DIRTYPE), file("shop/templates/a.yaml")), "shop")
    assert (chart.name, chart.version) == ("shop", "1.2.3")


@pytest.mark.parametrize(
    "name",
    ["../evil", "shop/../../evil", "/etc/passwd", "shop/..", "shop\\..\\evil", "c:/evil", "./shop/evil", "shop//evil"],
)
def test_a_path_that_may_lead_out_is_refused(name: str) -> None:
    assert "a path that may lead out of it" in refusal(packed(file(name)))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../evil", "values.yaml"])
def test_a_link_is_refused_wherever_it_leads(kind: bytes, target: str) -> None:
    assert f"a link, shop/link to {target}" in refusal(packed(entry("shop/link", kind, link=target)))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_is_refused(kind: bytes) -> None:
    assert "shop/odd, which is no plain file" in refusal(packed(entry("shop/odd", kind)))


def test_a_second_folder_at_the_top_is_refused() -> None:
    assert "holds other, shop where one folder is right" in refusal(packed(file("other/Chart.yaml", CHART_YAML)))


def test_a_file_beside_the_charts_folder_is_refused() -> None:
    assert "README lies outside the chart's folder" in refusal(packed(file("README")))


def test_an_archive_that_is_cut_off_anywhere_is_refused() -> None:
    whole = packed(file("shop/templates/a.yaml", b"kind: Service\n" * 100))
    for length in range(2, len(whole)):
        refusal(whole[:length])


@pytest.mark.parametrize("length", [530, 1100, 1540])
def test_a_tar_that_ends_early_is_refused_though_its_gzip_is_whole(length: int) -> None:
    refusal(gzip.compress(tar_of()[:length]))


def test_a_changed_byte_is_noticed() -> None:
    whole = bytearray(packed(file("shop/templates/a.yaml", b"kind: Service\n" * 100)))
    whole[len(whole) // 2] ^= 1
    refusal(bytes(whole))


def test_what_follows_a_damaged_header_is_not_passed_over() -> None:
    tar = bytearray(tar_of(file("shop/templates/a.yaml", b"kind: Service\n"), file("shop/b.yaml")))
    at = tar.index(b"shop/templates/a.yaml")
    tar[at] ^= 1
    assert "not all of it can be read" in refusal(gzip.compress(bytes(tar)))


def test_a_log_in_page_in_place_of_the_file_is_named_as_such() -> None:
    with pytest.raises(ArchiveError) as caught:
        check_archive(b"<!DOCTYPE html><html>", "shop 1.2.3")
    assert "'<!DOCTYPE html><html'" in caught.value.reason
    assert "log-in" in caught.value.hint


def test_a_bomb_is_refused_before_it_has_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (archive.MAX_UNPACKED_BYTES + 2**20))
    assert len(bomb) < 2**20
    assert "unpacks to more than 100 MiB" in refusal(bomb)


def test_archives_within_an_archive_share_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 2**20)
    inner = packed(file("shop/zeros", b"\0" * 600_000))
    check_archive(packed(file("shop/charts/a-1.tgz", inner)), "shop")
    both = packed(file("shop/charts/a-1.tgz", inner), file("shop/charts/b-1.tgz", inner))
    assert "unpacks to more than" in refusal(both)


def test_too_many_entries_are_refused() -> None:
    many = [file(f"shop/{number}") for number in range(archive.MAX_ENTRIES)]
    assert "more than 10000 entries" in refusal(packed(*many))


def test_a_file_that_helm_would_not_load_is_refused() -> None:
    assert "more than the 5 MiB" in refusal(packed(file("shop/big", b"\0" * (5 * 2**20 + 1))))


def test_an_archive_of_a_dependency_is_looked_into_as_well() -> None:
    inner = packed(entry("shop/link", tarfile.SYMTYPE, link="/etc/passwd"))
    with pytest.raises(ArchiveError) as caught:
        check_archive(packed(file("shop/charts/inner-1.0.0.tgz", inner)), "shop 1.2.3")
    assert caught.value.chart == "shop 1.2.3, shop/charts/inner-1.0.0.tgz"
    assert "a link" in caught.value.reason


def test_a_file_that_is_there_twice_must_be_the_same() -> None:
    check_archive(packed(file("shop/values.yaml", b"replicas: 1\n")), "shop")
    assert "in it twice, not the same" in refusal(packed(file("shop/values.yaml", b"replicas: 9\n")))


@dataclass(frozen=True)
class Unclear:
    chart_yaml: bytes
    said: str


@pytest.mark.parametrize(
    "one",
    [
        Unclear(b"name: shop\n", "version None"),
        Unclear(b"name: shop\nversion: 1.2\n", "version 1.2: both must be text"),
        Unclear(b"- shop\n", "its Chart.yaml can't be read"),
        Unclear(b"\xff\xfe", "its Chart.yaml can't be read"),
    ],
    ids=lambda one: one.said,
)
def test_a_chart_yaml_that_does_not_say_what_it_is_is_refused(one: Unclear) -> None:
    assert one.said in refusal(packed(chart_yaml=one.chart_yaml))


def test_an_archive_without_a_chart_is_refused() -> None:
    packed_file = io.BytesIO()
    with tarfile.open(fileobj=packed_file, mode="w:gz") as tar:
        file("shop/values.yaml", b"{}")(tar)
    assert "no Chart.yaml" in refusal(packed_file.getvalue())
