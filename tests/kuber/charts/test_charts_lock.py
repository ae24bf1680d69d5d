"""`kuber charts lock`: digests of charts, CRDs and images, from a real registry, into the releases' files."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.charts.cache import ChartCache, digest_of
from config.release import read_release
from kuber.charts import pulling
from tests.kuber.charts.conftest import CRDS, Charts, Fault, Registry, Releases, Repository
from tests.kuber.conftest import Kuber

OTHER_DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """What an image holds."""
    file = tmp_path / "hello.txt"
    file.write_text("hello", encoding="utf-8")
    return file


def test_digests_of_charts_crds_and_images_are_filled(
    *, kuber: Kuber, registry: Registry, repository: Repository, archive: Charts, releases: Releases, layer: Path
) -> None:
    chart, image = registry.push(archive("shop")), registry.push_image("tools/busybox", "1.37", layer)
    repository.files["/crds.yaml"] = CRDS
    releases.write(
        charts={"shop": {"repository": registry.charts, "version": "1.2.3", "digest": ""}},
        crds={
            "shops": {"version": "v1", "url": f"{repository.url}/crds.yaml", "digest": "", "api_versions": ["a.b/v1"]}
        },
        images={"busybox": {"repository": f"{registry.address}/tools/busybox", "tag": "1.37", "digest": ""}},
    )
    ended = kuber("charts", "lock", "2026.11")
    assert (ended.code, ended.err) == (0, "")
    assert "2026.11: 3 digests written to releases/2026.11.yaml" in ended.out
    release = read_release("2026.11")
    assert release.charts["shop"].digest == chart
    assert release.crds["shops"].digest == digest_of(CRDS)
    assert release.images["busybox"].digest == image


def test_a_release_keeps_its_comments_order_and_layout(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases, layer: Path
) -> None:
    chart, image = registry.push(archive("shop")), registry.push_image("busybox", "1.37", layer)
    text = f"""# The standard stack of November.
release: "2026.11"

charts:
  # Sells things.
  shop:
    repository: {registry.charts}
    version: 1.2.3  # the newest
    digest: ""
    schema_skipped: it refers to schemas on the internet

crds: {{}}

images:
  busybox: {{repository: {registry.address}/busybox, tag: "1.37", digest: ""}} # small
"""
    file = releases.folder / "2026.11.yaml"
    file.write_text(text, encoding="utf-8")
    assert kuber("charts", "lock").code == 0
    expected = text.replace('digest: ""\n', f'digest: "{chart}"\n').replace('digest: ""}', f'digest: "{image}"}}')
    assert file.read_text(encoding="utf-8") == expected


def test_a_digest_that_is_there_is_not_asked_for(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases
) -> None:
    digest = repository.publish(archive("shop"))
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2.3", "digest": digest}})
    ended = kuber("charts", "lock")
    assert (ended.code, ended.out) == (0, "2026.11: everything is locked\n")
    assert repository.asked == []


def test_recheck_refuses_a_chart_that_was_published_anew(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases
) -> None:
    digest = registry.push(archive("shop"))
    file = releases.write(charts={"shop": {"repository": registry.charts, "version": "1.2.3", "digest": OTHER_DIGEST}})
    before = file.read_text(encoding="utf-8")
    ended = kuber("charts", "lock", "--recheck")
    assert ended.code == 1
    assert "gives another file than the one that is locked" in ended.err
    assert f"found:    {digest}" in ended.err
    assert file.read_text(encoding="utf-8") == before


def test_recheck_refuses_an_image_whose_tag_was_moved(
    kuber: Kuber, registry: Registry, releases: Releases, layer: Path
) -> None:
    digest = registry.push_image("busybox", "1.37", layer)
    pin = {"repository": f"{registry.address}/busybox", "tag": "1.37", "digest": OTHER_DIGEST}
    file = releases.write(images={"busybox": pin})
    before = file.read_text(encoding="utf-8")
    ended = kuber("charts", "lock", "--recheck")
    assert ended.code == 1
    assert "gives another image than the one that is locked" in ended.err
    assert f"found:    {digest}" in ended.err
    assert file.read_text(encoding="utf-8") == before


def test_what_another_release_has_locked_must_be_what_the_registry_gives(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases, cache: ChartCache
) -> None:
    registry.push(archive("shop"))
    pin = {"repository": registry.charts, "version": "1.2.3"}
    releases.write("2026.08", charts={"shop": {**pin, "digest": OTHER_DIGEST}})
    releases.write("2026.11", charts={"shop": pin})
    ended = kuber("charts", "lock", "2026.11")
    assert ended.code == 1
    assert "gives another file than the one that is locked" in ended.err
    assert read_release("2026.11").charts["shop"].digest == ""
    assert cache.entry("charts", "shop", "1.2.3") is None


def test_update_takes_a_new_digest_for_all_releases_that_pin_the_same(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases, layer: Path
) -> None:
    digest, image = registry.push(archive("shop")), registry.push_image("shop", "1.37", layer)
    pin = {"repository": registry.charts, "version": "1.2.3", "digest": OTHER_DIGEST}
    picture = {"repository": f"{registry.address}/shop", "tag": "1.37", "digest": OTHER_DIGEST}
    for name in ("2026.08", "2026.11"):
        releases.write(name, charts={"shop": pin}, images={"shop": picture})
    assert kuber("charts", "lock", "2026.11", "--update", "charts/shop").code == 0
    for name in ("2026.08", "2026.11"):
        assert read_release(name).charts["shop"].digest == digest
        assert read_release(name).images["shop"].digest == OTHER_DIGEST
    kuber("charts", "lock", "--update", "shop")
    assert read_release("2026.11").images["shop"].digest == image


def test_one_that_fails_leaves_the_others_locked(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases
) -> None:
    digest = registry.push(archive("shop"))
    pin = {"repository": registry.charts, "version": "1.2.3"}
    missing = {"repository": f"{registry.address}/nowhere", "tag": "1.0"}
    releases.write(charts={"shop": pin, "till": pin}, images={"nowhere": missing})
    ended = kuber("charts", "lock")
    assert ended.code == 1
    assert "till 1.2.3: " in ended.err
    assert f"{registry.address}/nowhere:1.0: {registry.address}/nowhere doesn't have it" in ended.err
    assert read_release("2026.11").charts["shop"].digest == digest
    assert read_release("2026.11").images["nowhere"].digest == ""


def test_what_came_from_a_folder_is_never_locked(
    *, kuber: Kuber, repository: Repository, archive: Charts, chart: Charts, releases: Releases, cache: ChartCache
) -> None:
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2.3"}})
    kuber("charts", "import", chart("shop"))
    packed = cache.entry("charts", "shop", "1.2.3")
    digest = repository.publish(archive("shop"))
    assert packed and packed.digest != digest
    assert kuber("charts", "lock").code == 0
    assert read_release("2026.11").charts["shop"].digest == digest


def test_charts_only_leaves_images_out(kuber: Kuber, registry: Registry, archive: Charts, releases: Releases) -> None:
    registry.push(archive("shop"))
    releases.write(
        charts={"shop": {"repository": registry.charts, "version": "1.2.3"}},
        images={"busybox": {"repository": "registry.invalid/busybox", "tag": "1"}},
    )
    assert kuber("charts", "lock", "--charts-only").code == 0
    assert kuber("charts", "lock", "--check", "--charts-only").code == 0
    ended = kuber("charts", "lock", "--check")
    assert ended.code == 1
    assert ended.out.split() == ["2026.11", "images", "busybox", "1"]
    assert "1 entries aren't locked" in ended.err


def test_a_missing_crane_is_named_with_how_to_get_it(
    kuber: Kuber, releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.write(images={"busybox": {"repository": "registry.invalid/busybox", "tag": "1"}})
    monkeypatch.setenv("PATH", "/nowhere")
    ended = kuber("charts", "lock")
    assert ended.code == 1
    assert "crane: asks registries for the digests of images" in ended.err
    assert "`make tools` builds it" in ended.err


def test_a_registry_that_wants_a_log_in_for_an_image_tells_how(
    kuber: Kuber, repository: Repository, releases: Releases
) -> None:
    host = repository.url.removeprefix("http://")
    repository.faults["/v2/busybox/manifests/1"] = [Fault(401)] * 9
    repository.files["/v2/"] = b""
    releases.write(images={"busybox": {"repository": f"{host}/busybox", "tag": "1"}})
    ended = kuber("charts", "lock")
    assert f"`crane auth login {host}`" in ended.err


def test_a_release_that_changes_meanwhile_is_not_written_over(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kuber.charts import fetching

    registry.push(archive("shop"))
    releases.write(charts={"shop": {"repository": registry.charts, "version": "1.2.3"}})
    keep = fetching.keep

    def bumped_meanwhile(*arguments: object) -> object:
        releases.write(charts={"shop": {"repository": registry.charts, "version": "1.2.4"}})
        return keep(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fetching, "keep", bumped_meanwhile)
    assert "no digest was written" in kuber("charts", "lock").out
    assert (read_release("2026.11").charts["shop"].version, read_release("2026.11").charts["shop"].digest) == (
        "1.2.4",
        "",
    )


def test_update_of_a_name_that_nothing_has_is_wrong_use(kuber: Kuber, releases: Releases) -> None:
    releases.write()
    ended = kuber("charts", "lock", "--update", "shop")
    assert (ended.code, ended.err.splitlines()[0][:15]) == (2, "--update shop: ")
