"""`kuber charts verify` and `list`, and what the cache itself holds to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from components.charts.cache import ChartCache, Entry, digest_of
from components.charts.errors import ChartError
from components.charts.rendering import Chart, Surroundings, render
from config.release import ChartPin
from tests.kuber.charts.conftest import Charts, Releases
from tests.kuber.conftest import Kuber

PIN = {"repository": "https://charts.invalid", "version": "1.2.3"}


@pytest.fixture
def cached(archive: Charts, cache: ChartCache) -> str:
    """Puts a chart into the cache as it was published; its digest."""
    path = archive("shop")
    digest = digest_of(path.read_bytes())
    entry = Entry(name="shop", version="1.2.3", digest=digest, source="oci://registry.invalid", verified=True)
    cache.add("charts", entry, path)
    return digest


def test_a_file_that_is_what_the_release_pins_is_fine(kuber: Kuber, releases: Releases, cached: str) -> None:
    releases.write(charts={"shop": {**PIN, "digest": cached}})
    ended = kuber("charts", "verify")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == ["fine        shop 1.2.3", "1 files: 1 fine"]


def test_what_is_missing_is_told_and_no_error(kuber: Kuber, releases: Releases) -> None:
    releases.write(charts={"shop": PIN})
    ended = kuber("charts", "verify", "2026.11")
    assert ended.code == 0
    assert "missing     shop 1.2.3" in ended.out
    assert "kuber charts fetch" in ended.out


def test_a_file_that_was_changed_in_the_cache_is_damaged(
    kuber: Kuber, releases: Releases, cached: str, cache: ChartCache
) -> None:
    releases.write(charts={"shop": {**PIN, "digest": cached}})
    path = cache.path("charts", "shop", "1.2.3")
    path.write_bytes(path.read_bytes() + b"\0")
    ended = kuber("charts", "verify")
    assert ended.code == 1
    assert "damaged     shop 1.2.3" in ended.out
    assert "shop 1.2.3" in ended.err
    assert "`kuber charts fetch`" in ended.err


def test_a_file_of_which_nothing_is_known_is_damaged(
    kuber: Kuber, releases: Releases, cached: str, cache: ChartCache
) -> None:
    releases.write(charts={"shop": {**PIN, "digest": cached}})
    cache.path("charts", "shop", "1.2.3").with_name("shop-1.2.3.tgz.json").write_text("{", encoding="utf-8")
    ended = kuber("charts", "verify")
    assert (ended.code, "damaged     shop 1.2.3" in ended.out) == (1, True)


def test_another_file_than_the_pinned_one_is_wrong(kuber: Kuber, releases: Releases, cached: str) -> None:
    releases.write(charts={"shop": {**PIN, "digest": f"sha256:{'0' * 64}"}})
    ended = kuber("charts", "verify")
    assert ended.code == 1
    assert f"wrong       shop 1.2.3{' ' * 35}is {cached}, and releases pin sha256:{'0' * 64}" in ended.out


def test_what_came_from_a_folder_is_told_and_no_error(kuber: Kuber, releases: Releases, chart: Charts) -> None:
    folder = chart("shop")
    releases.write(charts={"shop": PIN})
    kuber("charts", "import", folder)
    ended = kuber("charts", "verify")
    assert ended.code == 0
    assert f"came from {folder}" in ended.out


def test_the_list_tells_what_is_here_verified_and_locked(kuber: Kuber, releases: Releases, cached: str) -> None:
    releases.write("2026.08", charts={"shop": {**PIN, "digest": cached}})
    releases.write(
        "2026.11",
        charts={"shop": {**PIN, "digest": cached}, "till": {**PIN, "version": "9.9.9"}},
        crds={"shops": {"version": "v1", "url": "https://crds.invalid/a.yaml", "api_versions": ["a.b/v1"]}},
        images={"busybox": {"repository": "registry.invalid/busybox", "tag": "1"}},
    )
    rows = [line.split("  ") for line in kuber("charts", "list").out.splitlines()]
    told = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert told[1][:6] == ["shop", "1.2.3", "2026.08, 2026.11", "yes", "yes", "yes"]
    assert told[2] == ["till", "9.9.9", "2026.11", "no", "-", "no", "-"]
    assert told[3][:3] == ["shops (CRDs)", "v1", "2026.11"]
    assert "1 images, 0 of them locked." in kuber("charts", "list").out
    assert "till" not in kuber("charts", "list", "2026.08").out


def test_the_list_as_json(kuber: Kuber, releases: Releases, cached: str, cache: ChartCache) -> None:
    releases.write(charts={"shop": {**PIN, "digest": cached}})
    told = json.loads(kuber("charts", "list", "--json").out)
    assert told["format"] == 1
    assert told["cache"] == str(cache.folder)
    assert told["charts"] == [
        {
            "kind": "chart",
            "name": "shop",
            "version": "1.2.3",
            "releases": ["2026.11"],
            "repository": "https://charts.invalid",
            "locked": True,
            "cached": True,
            "verified": True,
            "digest": cached,
            "source": "oci://registry.invalid",
            "size_bytes": cache.path("charts", "shop", "1.2.3").stat().st_size,
        }
    ]


def test_a_file_that_was_changed_in_the_cache_is_not_rendered(cached: str, cache: ChartCache, tmp_path: Path) -> None:
    pin = ChartPin(repository="https://charts.invalid", version="1.2.3", digest=cached)
    path = cache.path("charts", "shop", "1.2.3")
    shutil.copy(path, tmp_path / "kept")
    path.write_bytes(path.read_bytes() + b"\0")
    around = Surroundings(kubernetes_version="1.35", api_versions=())
    with pytest.raises(ChartError, match="isn't what was put there"):
        render(Chart(name="shop"), pin, "default", around, cache)
    shutil.copy(tmp_path / "kept", path)
    assert render(Chart(name="shop"), pin, "default", around, cache).verified


def test_replacing_a_file_leaves_nothing_that_tells_of_the_old_one(
    cached: str, cache: ChartCache, archive: Charts, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cache.path("charts", "shop", "1.2.3")
    entry = Entry(name="shop", version="1.2.3", digest="sha256:new", source="", verified=False)
    write = ChartCache._write

    def killed(self: ChartCache, target: Path, content: bytes) -> None:
        if target.suffix == ".json":
            raise KeyboardInterrupt
        write(self, target, content)

    monkeypatch.setattr(ChartCache, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        cache.add("charts", entry, path)
    assert cache.entry("charts", "shop", "1.2.3") is None


def test_every_command_shows_examples(kuber: Kuber) -> None:
    for command in ("fetch", "import", "lock", "verify", "list"):
        ended = kuber("charts", command, "--help")
        assert (ended.code, f"kuber charts {command}" in ended.out.split("Examples:")[1]) == (0, True)


def test_the_shell_completes_releases(kuber: Kuber, releases: Releases, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("2026.08", "2026.11", "2027.02"):
        releases.write(name)
    monkeypatch.setenv("_KUBER_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "kuber charts fetch 2026")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert kuber().out.split() == ["2026.08", "2026.11"]
