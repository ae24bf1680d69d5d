"""`kuber charts fetch`, from a real OCI registry and from a stand-in for a classic repository that fails as it is told."""

from __future__ import annotations

import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from components.charts.cache import ChartCache, Entry, digest_of
from kuber.charts import download, fetching, pulling
from tests.kuber.charts.conftest import CRDS, Charts, Fault, Registry, Releases, Repository, program_with
from tests.kuber.conftest import Kuber
from tests.support import EKS

OTHER_DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "FIRST_WAIT_SECONDS", 0.01)


def tgz(name: str, content: bytes = b"", link: str = "") -> bytes:
    """An archive of a chart `shop 1.2.3` with one more entry."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, text in (("shop/Chart.yaml", b"name: shop\nversion: 1.2.3\n"), (name, content)):
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            if path == name and link:
                entry.type, entry.linkname = tarfile.SYMTYPE, link
            tar.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def test_a_locked_chart_comes_from_an_oci_registry(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases, cache: ChartCache
) -> None:
    digest = registry.push(archive("shop"))
    releases.write(charts={"shop": {"repository": registry.charts, "version": "1.2.3", "digest": digest}})
    ended = kuber("charts", "fetch", "2026.11")
    assert (ended.code, ended.err) == (0, "")
    assert "fetched    shop 1.2.3" in ended.out
    assert "1 files: 1 fetched, 0 were there, 0 failed" in ended.out
    assert cache.require("charts", "shop", "1.2.3", digest) == Entry(
        name="shop", version="1.2.3", digest=digest, source=registry.charts, verified=True
    )


def test_a_locked_chart_comes_from_a_classic_repository(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases, cache: ChartCache
) -> None:
    digest = repository.publish(archive("shop"))
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2.3", "digest": digest}})
    assert kuber("charts", "fetch", "2026.11").code == 0
    assert cache.require("charts", "shop", "1.2.3", digest).verified


def test_what_is_there_is_not_asked_for_again(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases
) -> None:
    digest = repository.publish(archive("shop"))
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2.3", "digest": digest}})
    kuber("charts", "fetch", "2026.11")
    asked = len(repository.asked)
    ended = kuber("charts", "fetch", "2026.11")
    assert "was there  shop 1.2.3" in ended.out
    assert len(repository.asked) == asked


def test_a_damaged_file_in_the_cache_is_got_anew(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases, cache: ChartCache
) -> None:
    digest = repository.publish(archive("shop"))
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2.3", "digest": digest}})
    kuber("charts", "fetch", "2026.11")
    cache.path("charts", "shop", "1.2.3").write_bytes(b"damaged")
    assert "fetched    shop 1.2.3" in kuber("charts", "fetch", "2026.11").out
    assert digest_of(cache.path("charts", "shop", "1.2.3").read_bytes()) == digest


def test_a_chart_that_is_not_locked_is_kept_and_said_to_be(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases, cache: ChartCache
) -> None:
    registry.push(archive("shop"))
    releases.write(charts={"shop": {"repository": registry.charts, "version": "1.2.3"}})
    ended = kuber("charts", "fetch", "2026.11")
    assert ended.code == 0
    assert "not locked" in ended.out
    assert "1 of them aren't locked: run `kuber charts lock`" in ended.out
    assert cache.require("charts", "shop", "1.2.3", "").verified


def test_another_digest_than_the_locked_one_keeps_nothing(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases, cache: ChartCache
) -> None:
    digest = registry.push(archive("shop"))
    releases.write(charts={"shop": {"repository": registry.charts, "version": "1.2.3", "digest": OTHER_DIGEST}})
    ended = kuber("charts", "fetch", "2026.11")
    assert ended.code == 1
    assert f"found:    {digest}" in ended.err
    assert f"expected: {OTHER_DIGEST}" in ended.err
    assert not cache.path("charts", "shop", "1.2.3").exists()


def test_one_that_fails_stops_no_other(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases, cache: ChartCache
) -> None:
    repository.publish(archive("shop"))
    pin = {"repository": repository.url, "version": "1.2.3"}
    releases.write(charts={"aaa": pin, "shop": pin, "zzz": pin})
    ended = kuber("charts", "fetch", "2026.11", "--jobs", "1")
    assert ended.code == 1
    assert [line.split(":")[0] for line in ended.err.splitlines() if not line.startswith(" ")] == [
        "aaa 1.2.3",
        "zzz 1.2.3",
    ]
    assert "1 fetched, 0 were there, 2 failed" in ended.out
    assert cache.entry("charts", "shop", "1.2.3")


def test_crds_come_from_their_address(
    kuber: Kuber, repository: Repository, releases: Releases, cache: ChartCache
) -> None:
    repository.files["/crds.yaml"] = CRDS
    bundle = {
        "version": "v1",
        "url": f"{repository.url}/crds.yaml",
        "digest": digest_of(CRDS),
        "api_versions": ["a.b/v1"],
    }
    releases.write(crds={"shops": bundle})
    assert kuber("charts", "fetch", "2026.11").code == 0
    assert cache.path("manifests", "shops", "v1").read_bytes() == CRDS


def test_a_file_that_holds_no_crds_is_refused(
    kuber: Kuber, repository: Repository, releases: Releases, cache: ChartCache
) -> None:
    repository.files["/crds.yaml"] = b"<html>Log in</html>"
    releases.write(crds={"shops": {"version": "v1", "url": f"{repository.url}/crds.yaml", "api_versions": ["a.b/v1"]}})
    ended = kuber("charts", "fetch", "2026.11")
    assert "shops v1: this is no file of Kubernetes objects" in ended.err
    assert not cache.path("manifests", "shops", "v1").exists()


def fetch_with(
    fault: Fault, kuber: Kuber, repository: Repository, archive: Charts, releases: Releases, *more: str
) -> str:
    """What the user is told when the archive is answered with a fault, each time."""
    repository.publish(archive("shop"))
    repository.faults["/shop-1.2.3.tgz"] = [fault] * 20
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2.3"}})
    ended = kuber("charts", "fetch", "2026.11", *more)
    assert ended.code == 1
    assert not ChartCache().path("charts", "shop", "1.2.3").exists()
    return ended.err


@pytest.mark.parametrize(
    ("fault", "said", "hint"),
    [
        (Fault(404), "doesn't have it (404)", "version or repository is wrong"),
        (Fault(401), "refuses access (401)", "kuber charts import"),
        (Fault(403), "refuses access (403)", "kuber charts import"),
        (Fault(200, content=b"<html>Log in</html>"), "no gzip file", "log-in"),
        (Fault(200, content=tgz("shop/x")[:60]), "the archive is cut off", "get it again"),
        (Fault(200, content=tgz("../evil")), "a path that may lead out", "don't unpack it"),
        (
            Fault(200, content=tgz("shop/link", link="/etc/passwd")),
            "a link, shop/link to /etc/passwd",
            "don't unpack it",
        ),
        (Fault(200, content=tgz("other/x")), "holds other, shop where one folder is right", ""),
        (Fault(200, content=gzip.compress(b"\0" * 120_000_000)), "more than 100 MiB", ""),
    ],
    ids=lambda value: None,
)
def test_what_will_not_pass_is_told_at_once(
    *, fault: Fault, said: str, hint: str, kuber: Kuber, repository: Repository, archive: Charts, releases: Releases
) -> None:
    error = fetch_with(fault, kuber, repository, archive, releases)
    assert error.startswith("shop 1.2.3: ")
    assert said in error
    assert hint in error
    assert len(repository.requests("/shop-1.2.3.tgz")) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(500), "is broken at the moment (500)"),
        (Fault(503), "is broken at the moment (503)"),
        (Fault(429), "is asked too often (429)"),
        (Fault(200, content=b"\x1f\x8b", cut_off=True), "broke off before the end"),
    ],
    ids=lambda value: None,
)
def test_what_may_pass_is_tried_four_times(
    *, fault: Fault, said: str, kuber: Kuber, repository: Repository, archive: Charts, releases: Releases
) -> None:
    assert said in fetch_with(fault, kuber, repository, archive, releases)
    assert len(repository.requests("/shop-1.2.3.tgz")) == pulling.ATTEMPTS


def test_a_server_that_is_broken_for_a_moment_is_no_error(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases
) -> None:
    repository.publish(archive("shop"))
    repository.faults["/index.yaml"] = [Fault(500), Fault(500)]  # the second is for the question how long to wait
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2.3"}})
    ended = kuber("charts", "fetch", "2026.11")
    assert ended.code == 0
    assert "shop 1.2.3: broken: waiting 0 s, then attempt 2 of 4" in ended.out


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_server_that_asks_to_wait_is_left_alone_for_so_long(
    form: str, kuber: Kuber, repository: Repository, archive: Charts, releases: Releases
) -> None:
    repository.publish(archive("shop"))
    wait = "1" if form == "seconds" else formatdate(time.time() + 2.5, usegmt=True)
    repository.faults["/shop-1.2.3.tgz"] = [Fault(429, {"Retry-After": wait})] * 2
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2.3"}})
    assert kuber("charts", "fetch", "2026.11").code == 0
    first, second = repository.requests("/shop-1.2.3.tgz")
    assert second - first >= 1


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases
) -> None:
    error = fetch_with(Fault(429, {"Retry-After": "3600"}), kuber, repository, archive, releases)
    assert "asks to be left alone for 3600 seconds" in error


def test_a_server_that_does_not_answer_is_given_up(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases
) -> None:
    began = time.monotonic()
    error = fetch_with(Fault(seconds=8), kuber, repository, archive, releases, "--timeout", "1")
    assert time.monotonic() - began < 6
    assert "gave no answer in time" in error
    assert "--timeout" in error


@pytest.mark.parametrize(
    "repository_of", ["oci://127.0.0.1:1/charts", "http://127.0.0.1:1", "oci://registry.invalid/x"]
)
def test_a_registry_that_cannot_be_reached_leads_to_the_air_gap(
    repository_of: str, kuber: Kuber, releases: Releases
) -> None:
    releases.write(charts={"shop": {"repository": repository_of, "version": "1.2.3"}})
    ended = kuber("charts", "fetch", "2026.11")
    assert ended.code == 1
    assert f"shop 1.2.3: {repository_of} can't be reached from here" in ended.err
    assert "`kuber charts import DIR`" in ended.err


def test_a_version_that_an_oci_registry_lacks_is_said_to_be_missing(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases
) -> None:
    registry.push(archive("shop"))
    releases.write(charts={"shop": {"repository": registry.charts, "version": "1.2.4"}})
    assert f"{registry.charts} doesn't have it" in kuber("charts", "fetch", "2026.11").err


def test_an_oci_registry_that_wants_a_log_in_tells_how(
    kuber: Kuber, repository: Repository, releases: Releases
) -> None:
    host = repository.url.removeprefix("http://")
    repository.faults["/v2/charts/shop/manifests/1.2.3"] = [Fault(401, {"WWW-Authenticate": 'Basic realm="x"'})] * 9
    releases.write(charts={"shop": {"repository": f"oci://{host}/charts", "version": "1.2.3"}})
    ended = kuber("charts", "fetch", "2026.11")
    assert "refuses access" in ended.err
    assert f"`helm registry login {host}`" in ended.err


def test_a_part_of_a_version_is_not_enough(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases, cache: ChartCache
) -> None:
    repository.publish(archive("shop"))
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2"}})
    assert "the archive says that it is shop 1.2.3" in kuber("charts", "fetch", "2026.11").err
    assert not cache.path("charts", "shop", "1.2").exists()


def test_a_full_disk_is_named(
    *,
    kuber: Kuber,
    repository: Repository,
    archive: Charts,
    releases: Releases,
    cache: ChartCache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    repository.publish(archive("shop"))
    releases.write(charts={"shop": {"repository": repository.url, "version": "1.2.3"}})
    monkeypatch.setattr(fetching.ChartCache, "add", full)
    assert "shop 1.2.3: no space is left on the disk" in kuber("charts", "fetch", "2026.11").err


def test_a_redirect_from_tls_to_none_is_not_followed(repository: Repository) -> None:
    redirects = download._Redirects()
    request = download.urllib.request.Request("https://charts.example/crds.yaml")
    for url in ("http://charts.example/crds.yaml", repository.url, "file:///etc/passwd"):
        with pytest.raises(download.urllib.error.URLError, match="isn't https"):
            redirects.redirect_request(request, None, 302, "Found", {}, url)
    followed = redirects.redirect_request(request, None, 302, "Found", {}, "https://cdn.example/crds.yaml")
    assert followed.full_url == "https://cdn.example/crds.yaml"


def test_crds_behind_a_redirect_on_this_machine_are_followed_and_a_circle_ends(
    kuber: Kuber, repository: Repository, releases: Releases
) -> None:
    repository.files["/crds.yaml"] = CRDS
    repository.faults["/latest"] = [Fault(302, {"Location": f"{repository.url}/crds.yaml"})]
    repository.faults["/circle"] = [Fault(302, {"Location": f"{repository.url}/circle"})] * 50
    bundle = {"version": "v1", "api_versions": ["a.b/v1"]}
    releases.write(
        crds={
            "shops": {**bundle, "url": f"{repository.url}/latest"},
            "turns": {**bundle, "url": f"{repository.url}/circle"},
        }
    )
    ended = kuber("charts", "fetch", "2026.11")
    assert "fetched    shops v1" in ended.out
    assert ended.err.startswith("turns v1: ")


def test_a_file_that_is_too_large_is_given_up(
    kuber: Kuber, repository: Repository, releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 2**20)
    repository.files["/crds.yaml"] = b"#" * (2**20 + 1)
    releases.write(crds={"shops": {"version": "v1", "url": f"{repository.url}/crds.yaml", "api_versions": ["a.b/v1"]}})
    assert "has more than 1 MiB" in kuber("charts", "fetch", "2026.11").err


def test_a_mirror_gives_what_is_locked_as_verified_and_the_rest_not(
    kuber: Kuber, registry: Registry, archive: Charts, releases: Releases, cache: ChartCache
) -> None:
    digest = registry.push(archive("shop"))
    registry.push(archive("till"))
    elsewhere = {"repository": "https://charts.invalid", "version": "1.2.3"}
    releases.write(charts={"shop": {**elsewhere, "digest": digest}, "till": elsewhere})
    ended = kuber("charts", "fetch", "2026.11", "--from", registry.charts)
    assert (ended.code, ended.err) == (0, "")
    assert cache.require("charts", "shop", "1.2.3", digest).verified
    assert not cache.require("charts", "till", "1.2.3", "").verified
    assert "unverified: it came from elsewhere" in ended.out


def test_without_names_the_releases_of_the_stack_files_are_fetched(
    kuber: Kuber, repository: Repository, archive: Charts, releases: Releases, project: Path
) -> None:
    for version in ("1.2.3", "1.2.4"):
        repository.publish(archive("shop", version))
    releases.write("2026.08", charts={"shop": {"repository": repository.url, "version": "1.2.3"}})
    releases.write("2026.11", charts={"shop": {"repository": repository.url, "version": "1.2.4"}})
    for stack_file in project.glob("Pulumi.*.yaml"):
        stack_file.unlink()
    project.joinpath("Pulumi.prod-eks.yaml").write_text(EKS.set("release", "2026.08").text, encoding="utf-8")
    ended = kuber("charts", "fetch")
    assert "shop 1.2.3" in ended.out
    assert "shop 1.2.4" not in ended.out
    assert "shop 1.2.4" in kuber("charts", "fetch", "--all").out


def test_wrong_use_names_what_would_be_right(kuber: Kuber, releases: Releases) -> None:
    releases.write()
    unknown = kuber("charts", "fetch", "2026.12")
    assert (unknown.code, unknown.err) == (2, "there is no release 2026.12\n    expected: one of 2026.11\n")
    assert kuber("charts", "fetch", "2026.11", "--all").code == 2
    assert kuber("charts", "fetch", "2026.11", "--from", "registry.example").code == 2


def test_a_missing_helm_is_named_with_how_to_get_it(
    kuber: Kuber, registry: Registry, releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.write(charts={"shop": {"repository": registry.charts, "version": "1.2.3"}})
    monkeypatch.setenv("PATH", "/nowhere")
    ended = kuber("charts", "fetch", "2026.11")
    assert ended.code == 1
    assert "`make tools` builds it" in ended.err


def test_releases_that_disagree_about_a_version_are_an_error(kuber: Kuber, releases: Releases) -> None:
    pin = {"repository": "https://charts.invalid", "version": "1.2.3"}
    releases.write("2026.08", charts={"shop": {**pin, "digest": OTHER_DIGEST}})
    releases.write("2026.11", charts={"shop": {**pin, "digest": f"sha256:{'1' * 64}"}})
    ended = kuber("charts", "fetch", "--all")
    assert ended.code == 1
    assert "shop 1.2.3: releases give different digests for the same version" in ended.err


def test_ctrl_c_ends_it_soon_and_leaves_the_cache_whole(
    repository: Repository, archive: Charts, releases: Releases, cache: ChartCache, tmp_path: Path
) -> None:
    repository.publish(archive("shop"))
    repository.publish(archive("slow"))
    repository.faults["/slow-1.2.3.tgz"] = [Fault(seconds=30)]
    pin = {"repository": repository.url, "version": "1.2.3"}
    releases.write(charts={"shop": pin, "slow": pin})
    program = program_with(releases, tmp_path / "program")
    with subprocess.Popen(
        [sys.executable, "-m", "kuber", "charts", "fetch", "2026.11"],
        cwd=program,
        env=os.environ | {"PYTHONPATH": str(program), "PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for _ in range(200):
            if repository.requests("/slow-1.2.3.tgz") and cache.entry("charts", "shop", "1.2.3"):
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert (process.returncode, err) == (130, "interrupted; what is in the cache is whole\n")
    assert cache.entry("charts", "shop", "1.2.3")
    assert sorted(path.name for path in (cache.folder / "charts").iterdir()) == [
        "shop-1.2.3.tgz",
        "shop-1.2.3.tgz.json",
    ]
