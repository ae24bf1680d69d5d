"""Charts become objects, by the real helm."""

from __future__ import annotations

import dataclasses
import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from components.charts import rendering
from components.charts.cache import ChartCache, Entry, digest_of
from components.charts.errors import ChartError, NotCachedError
from components.charts.rendering import Chart, Rendering, Surroundings, render
from config.release import ChartPin
from tests.requirements import helm

PIN = ChartPin(repository="oci://registry.shop.example/charts", version="1.0.0")
AROUND = Surroundings(kubernetes_version="1.35", api_versions=["example.com/v1"])
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, labels: {helm.sh/chart: web-1.0.0}}\n"
HOOK = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate, annotations: {helm.sh/hook: pre-install}}\n"
TEST = "apiVersion: v1\nkind: Pod\nmetadata: {name: try, annotations: {helm.sh/hook: test}}\n"
CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  names: {kind: Thing, plural: things}
  scope: Namespaced
  versions:
    - {name: v1, served: true, storage: true}
    - {name: v1beta1, served: true, storage: false}
    - {name: v1alpha1, served: false, storage: false}
"""

Render = Callable[..., Rendering]


@pytest.fixture
def cache(tmp_path: Path) -> ChartCache:
    helm()
    return ChartCache(tmp_path / "cache")


def test_objects_get_the_part_s_namespace_a_fixed_order_and_no_labels_of_the_release(cache: ChartCache) -> None:
    templates = {"b.yaml": CONFIG_MAP, "a.yaml": CONFIG_MAP.replace("one", "two"), "c.yaml": _role("ClusterRole")}
    objects = rendered(cache, templates).objects
    assert [(one["kind"], one["metadata"]) for one in objects] == [
        ("ConfigMap", {"name": "one", "namespace": "system-web", "labels": {}}),
        ("ConfigMap", {"name": "two", "namespace": "system-web", "labels": {}}),
        ("ClusterRole", {"name": "reader"}),
    ]


def test_a_label_of_the_release_stays_where_something_selects_by_it(cache: ChartCache) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: one}\nspec: {selector: {helm.sh/chart: web-1.0.0}}\n"
    [config_map, _] = rendered(cache, {"a.yaml": CONFIG_MAP, "b.yaml": service}).objects
    assert config_map["metadata"]["labels"] == {"helm.sh/chart": "web-1.0.0"}


def test_crds_are_split_off_and_kept_by_digest(cache: ChartCache) -> None:
    made = rendered(cache, {"a.yaml": CONFIG_MAP}, crds=CRD)
    assert [one["kind"] for one in made.objects] == ["ConfigMap"]
    crd = made.crds["things.example.com"]
    assert (crd.served, crd.stored) == (["v1", "v1beta1"], "v1")
    kept = cache.read_json("crds", crd.digest)
    assert isinstance(kept, dict)
    assert kept["metadata"]["name"] == "things.example.com"


def test_crds_that_were_taken_out_of_the_cache_are_rendered_again(cache: ChartCache) -> None:
    digest = rendered(cache, {"a.yaml": CONFIG_MAP}, crds=CRD).crds["things.example.com"].digest
    (cache.folder / "crds" / f"{digest}.json").unlink()
    rendered(cache, {"a.yaml": CONFIG_MAP}, crds=CRD)
    assert cache.has_json("crds", digest)


def test_a_chart_is_told_the_cluster_s_version_and_what_its_crds_add(cache: ChartCache) -> None:
    asks = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\ndata:\n"
        '  version: "{{ .Capabilities.KubeVersion.Minor }}"\n'
        '  has: "{{ .Capabilities.APIVersions.Has "example.com/v1" }}{{ .Capabilities.APIVersions.Has "other.com/v1" }}"\n'
    )
    [told] = rendered(cache, {"a.yaml": asks}).objects
    assert told["data"] == {"version": "35", "has": "truefalse"}


def test_a_value_that_the_chart_doesn_t_know_is_an_error(cache: ChartCache) -> None:
    with pytest.raises(ChartError, match=r"web 1\.0\.0: the chart doesn't know these values: replica\n"):
        rendered(cache, {"a.yaml": CONFIG_MAP}, values={"replica": 2})


def test_a_hook_that_the_release_doesn_t_list_is_an_error(cache: ChartCache) -> None:
    with pytest.raises(ChartError, match="brings hooks that the release doesn't list: Job/migrate"):
        rendered(cache, {"a.yaml": CONFIG_MAP, "hook.yaml": HOOK})
    listed = PIN.model_copy(update={"hooks": {"Job/migrate": "there is nothing to migrate"}})
    assert len(rendered(cache, {"a.yaml": CONFIG_MAP, "hook.yaml": HOOK}, pin=listed).objects) == 1


def test_a_chart_s_own_tests_are_left_out(cache: ChartCache) -> None:
    assert len(rendered(cache, {"a.yaml": CONFIG_MAP, "test.yaml": TEST}).objects) == 1


def test_two_objects_of_one_name_are_an_error(cache: ChartCache) -> None:
    with pytest.raises(ChartError, match="renders two objects of one name: ConfigMap system-web/one"):
        rendered(cache, {"a.yaml": CONFIG_MAP, "b.yaml": CONFIG_MAP})


def test_what_helm_says_is_passed_on(cache: ChartCache) -> None:
    with pytest.raises(ChartError, match=r"helm can't render it: .*no replicas today"):
        rendered(cache, {"a.yaml": '{{ fail "no replicas today" }}'})


def test_what_is_no_object_is_an_error(cache: ChartCache) -> None:
    with pytest.raises(ChartError, match="what helm rendered is no YAML of objects"):
        rendered(cache, {"a.yaml": "only: keys"})


def test_a_schema_of_the_chart_is_held_to_unless_the_release_says_why_not(cache: ChartCache) -> None:
    schema = b'{"type": "object", "properties": {"replicas": {"type": "integer", "maximum": 3}}}'
    with pytest.raises(ChartError, match="replicas"):
        rendered(cache, {"a.yaml": CONFIG_MAP}, values={"replicas": 9}, more={"values.schema.json": schema})
    skipped = PIN.model_copy(update={"schema_skipped": "it is wrong"})
    rendered(cache, {"a.yaml": CONFIG_MAP}, values={"replicas": 9}, more={"values.schema.json": schema}, pin=skipped)


def test_a_rendering_is_made_once_for_the_same_archive_values_and_versions(
    cache: ChartCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rendered(cache, {"a.yaml": CONFIG_MAP})
    runs: list[object] = []
    real = rendering.helm
    monkeypatch.setattr(rendering, "helm", lambda *args, **more: runs.append(args) or real(*args, **more))
    assert rendered(cache, {"a.yaml": CONFIG_MAP}) == first
    assert runs == []
    rendered(cache, {"a.yaml": CONFIG_MAP}, values={"replicas": 2})
    rendered(cache, {"a.yaml": CONFIG_MAP}, around=dataclasses.replace(AROUND, kubernetes_version="1.36"))
    rendered(cache, {"a.yaml": CONFIG_MAP + "data: {changed: yes}\n"})
    assert len(runs) == 3


def test_a_rendering_that_was_cut_short_is_made_again(cache: ChartCache) -> None:
    first = rendered(cache, {"a.yaml": CONFIG_MAP})
    [kept] = (cache.folder / "renderings").iterdir()
    kept.write_bytes(kept.read_bytes()[:20])
    assert rendered(cache, {"a.yaml": CONFIG_MAP}) == first


def test_a_chart_that_isn_t_in_the_cache_is_told_with_how_to_get_it(cache: ChartCache) -> None:
    with pytest.raises(NotCachedError, match=r"web 1\.0\.0: not in the cache\n    hint:     `kuber charts fetch`"):
        render(Chart(name="web"), PIN, "system-web", AROUND, cache)


def test_an_archive_that_isn_t_the_pinned_one_is_refused(cache: ChartCache) -> None:
    pinned = PIN.model_copy(update={"digest": f"sha256:{'0' * 64}"})
    with pytest.raises(ChartError, match="the release pins sha256:0000"):
        rendered(cache, {"a.yaml": CONFIG_MAP}, pin=pinned)


def test_a_damaged_archive_is_told(cache: ChartCache) -> None:
    rendered(cache, {"a.yaml": CONFIG_MAP})
    archive = cache.path("charts", "web", "1.0.0")
    archive.write_bytes(archive.read_bytes()[:50])
    with pytest.raises(ChartError, match="the file in the cache isn't what was put there"):
        render(Chart(name="web", values={"replicas": 5}), PIN, "system-web", AROUND, cache)


def rendered(
    cache: ChartCache,
    templates: Mapping[str, str],
    *,
    values: Mapping[str, object] | None = None,
    crds: str = "",
    more: Mapping[str, bytes] | None = None,
    pin: ChartPin = PIN,
    around: Surroundings = AROUND,
) -> Rendering:
    """The rendering of a chart `web` of these templates, which knows `replicas`."""
    files = {
        "Chart.yaml": b"apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "values.yaml": b"replicas: 1\n",
        **{f"templates/{name}": text.encode() for name, text in templates.items()},
        **({"crds/all.yaml": crds.encode()} if crds else {}),
        **(more or {}),
    }
    file = cache.folder.parent / "web.tgz"
    with gzip.GzipFile(file, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(f"web/{path}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    told = digest_of(file.read_bytes())
    cache.add("charts", Entry(name="web", version="1.0.0", digest=told, source="here", verified=True), file)
    return render(Chart(name="web", values=values or {}), pin, "system-web", around, cache)


def _role(kind: str) -> str:
    return f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: reader, namespace: nonsense}}\nrules: []\n"
