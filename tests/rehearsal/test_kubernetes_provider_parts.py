"""Parts of the stand-in for the Kubernetes provider, each by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kuber.rehearsal.kubernetes_provider import kubeconfig, ownership
from kuber.rehearsal.kubernetes_provider.configuration import Configuration, ConfigurationError, changed
from kuber.rehearsal.kubernetes_provider.diff import Differences, parse_path, text_of
from kuber.rehearsal.kubernetes_provider.quantity import canonical
from kuber.rehearsal.kubernetes_provider.shape import restricted
from kuber.rehearsal.kubernetes_provider.values import UNKNOWN, Secret, read, with_secrets_of, written
from kuber.replacement.kubernetes import EVERY_KIND, replacing_paths, table
from tests.requirements import missing, shared
from tools import kubernetes_types


def test_what_replaces_an_object_is_what_the_facts_about_the_provider_say() -> None:
    facts = json.loads(shared("upstream/replace_on_changes.json").read_text(encoding="utf-8"))
    said = {token: sorted(paths) for token, paths in facts["types"].items() if token.startswith("kubernetes:")}
    assert sorted(EVERY_KIND) == sorted(facts["every_type"]["kubernetes"])
    assert table() == said


def test_the_table_of_types_is_what_kubernetes_own_types_say() -> None:
    """After an update: `python -m tools.kubernetes_types`."""
    kept = json.loads(kubernetes_types.OUTPUT.read_text(encoding="utf-8"))
    module = Path.home() / "go" / "pkg" / "mod" / kept["source"]
    if not module.exists():
        missing(kept["source"], f"it is not in {module.parent}: `go mod download {kept['source']}`")
    assert kept == kubernetes_types.table(module)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_data_replaces_unless_the_provider_has_it_mutable_and_the_object_too(kind: str) -> None:
    def replacing(mutable: bool, **fields: Any) -> set[str]:
        one = {"apiVersion": "v1", "kind": kind, **fields}
        return {*replacing_paths(one, config_map_mutable=mutable, secret_mutable=mutable)}

    assert "data" in replacing(False)
    assert "data" not in replacing(True)
    assert "data" in replacing(True, immutable=True)


def test_a_change_replaces_at_below_and_above_the_path_of_the_table() -> None:
    patterns = ("spec.containers[*].image", "roleRef")
    container = {"name": "a", "image": "b"}
    above = Differences({}, {"spec": {"containers": [container]}}, patterns)
    assert above.replacing == {("spec",)}
    below = Differences({"roleRef": {"name": "a"}}, {"roleRef": {"name": "b"}}, patterns)
    assert below.replacing == {("roleRef", "name")}
    beside = Differences(
        {"spec": {"containers": [container]}}, {"spec": {"containers": [{**container, "tty": True}]}}, patterns
    )
    assert not beside.replacing and beside.changes == {("spec", "containers", 0, "tty"): "add"}


def test_lists_are_compared_item_by_item() -> None:
    found = Differences({"a": [1, 2, 3]}, {"a": [1, 5]}, ())
    assert found.changes == {("a", 1): "update", ("a", 2): "delete"}
    assert Differences({"a": [1]}, {"a": UNKNOWN}, ()).changes == {("a",): "update"}


@pytest.mark.parametrize("text", ['metadata.annotations["a.b/c"]', "spec.containers[0].image", "spec", "a[1][2]"])
def test_paths_are_read_as_they_are_written(text: str) -> None:
    assert text_of(parse_path(text)) == text


def test_an_object_is_cut_to_the_shape_of_its_inputs() -> None:
    live = {"spec": {"a": 1, "b": 2, "list": [{"x": 1, "y": 2}, {"x": 3}]}, "status": {}}
    assert restricted(live, {"spec": {"a": 0, "list": [{"x": 0}]}, "more": 1}) == {"spec": {"a": 1, "list": [{"x": 1}]}}


def test_values_come_back_as_the_engine_sent_them() -> None:
    sent: dict[str, Any] = {
        **{"text": "a", "whole": 3, "part": 0.5, "truth": True, "none": None, "list": [1, {"a": []}], "empty": {}},
        **{"secret": Secret({"deep": UNKNOWN}), "unknown": UNKNOWN, "x-kubernetes-list-type": "map"},
    }
    assert read(written(sent)) == sent
    assert "x_kubernetes_list_type" in written(sent).fields


def test_a_list_with_a_secret_in_it_is_secret_as_a_whole() -> None:
    given = {"spec": {"list": [Secret("a"), "b"], "plain": 1}}
    assert with_secrets_of({"spec": {"list": ["a", "b"], "plain": 1}, "more": 2}, given) == {
        "spec": {"list": Secret(["a", "b"]), "plain": 1},
        "more": 2,
    }


@pytest.mark.parametrize("text", ["", "1.2.3", "five", "1Qi", "m"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        canonical(text)


CONFIG = {
    "current-context": "a",
    "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
}


def config(server: str) -> str:
    return json.dumps({**CONFIG, "clusters": [{"name": "c", "cluster": {"server": server}}]})


def test_another_cluster_in_the_kubeconfig_replaces_unless_an_identifier_stays() -> None:
    first, second = {"kubeconfig": config("https://one")}, {"kubeconfig": config("https://two")}
    assert changed(first, first) == ([], [])
    assert changed(first, second) == (["kubeconfig"], ["kubeconfig"])
    named = {"clusterIdentifier": "x"}
    assert changed(first | named, second | named) == (["kubeconfig"], [])
    assert changed(first | named, first | {"clusterIdentifier": "y"})[1] == ["clusterIdentifier"]
    assert changed(first, second | named)[1] == ["kubeconfig"]
    assert changed(first, first | named)[1] == []


def test_a_kubeconfig_that_nobody_knows_yet_replaces_unless_an_identifier_stays() -> None:
    known, unknown = {"kubeconfig": config("https://one")}, {"kubeconfig": UNKNOWN}
    assert changed(known, unknown) == (["kubeconfig"], ["kubeconfig"])
    named = {"clusterIdentifier": "x"}
    assert changed(known | named, unknown | named) == (["kubeconfig"], [])


def test_switches_come_from_the_inputs_and_else_from_the_environment() -> None:
    environment = {"PULUMI_K8S_DELETE_UNREACHABLE": "true", "PULUMI_K8S_ENABLE_SECRET_MUTABLE": "true"}
    told = Configuration.of({"kubernetes:config:enableSecretMutable": "false"}, environment)
    assert told.delete_unreachable and not told.secret_mutable and not told.config_map_mutable
    with pytest.raises(ConfigurationError, match="only does server-side apply"):
        Configuration.of({"kubernetes:config:enableServerSideApply": "false"}, {})
    with pytest.raises(ConfigurationError, match="renderYamlToDirectory"):
        Configuration.of({"kubernetes:config:renderYamlToDirectory": "out"}, {})


def test_a_kubeconfig_is_read_from_a_file_and_from_text(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("current-context: a\n", encoding="utf-8")
    assert kubeconfig.parse(str(file)) == {"current-context": "a"}
    assert kubeconfig.namespace(kubeconfig.parse(config("https://one"))) == "n"
    with pytest.raises(kubeconfig.KubeconfigError, match="no such file"):
        kubeconfig.parse("/nowhere/config")


def entry(manager: str, operation: str, *fields: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:data": {f"f:{field}": {} for field in fields}}}


def test_an_update_takes_over_what_kubectl_and_the_create_set_and_nothing_else() -> None:
    live = {
        "metadata": {
            "managedFields": [
                entry("mine", "Apply", "a"),
                entry("pulumi-kubernetes", "Update", "b"),
                entry("kubectl-edit", "Update", "c"),
                entry("operator", "Update", "d"),
                {**entry("kubectl", "Update", "e"), "subresource": "scale"},
            ]
        }
    }
    handed = ownership.handed_over(live, "mine")
    assert handed and [(one["manager"], *one["fieldsV1"]["f:data"]) for one in handed] == [
        ("mine", "f:a", "f:b", "f:c"),
        ("operator", "f:d"),
        ("kubectl", "f:e"),
    ]
    assert ownership.owned_by_others_alone(live, "mine", ("data", "d"))
    assert not ownership.owned_by_others_alone(live, "mine", ("data", "a"))
    assert ownership.handed_over({"metadata": {"managedFields": [entry("operator", "Update", "a")]}}, "mine") is None
