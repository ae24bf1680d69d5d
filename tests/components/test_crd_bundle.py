"""Bundles of CRDs, applied to a stand-in for an API server; `tests/engine/test_crd_bundle.py` has the real engine do it."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from components.charts import api_server, crd_provider
from components.charts.api_server import ApiServerError
from components.charts.cache import ChartCache, canonical_json, digest_of
from components.charts.crd_bundle import PROVIDER
from components.charts.crd_provider import CrdBundleProvider
from components.charts.crd_versions import served_versions, shown_versions, stored_version
from components.charts.errors import ChartError
from tests.stand_in_api_server import CRDS, StandInApiServer, answering_plugin, credential_plugin, runs

THINGS, BOXES = "things.shop.example", "boxes.shop.example"
PROVIDER_OF_BUNDLES = CrdBundleProvider()


def definition(name: str = THINGS, versions: str = "v1", **spec: Any) -> dict[str, Any]:
    """A CRD; of its versions, the first is stored."""
    plural, _, group = name.partition(".")
    kind = plural.removesuffix("s").title()
    names = versions.split()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": group,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [{"name": one, "served": True, "storage": one == names[0]} for one in names],
            **spec,
        },
    }


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def api(certificates: Path) -> Iterator[StandInApiServer]:
    server = StandInApiServer(certificates)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache and a folder for temporary files of the test's own; nothing known of servers; and patience for a test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tmp_path.joinpath("tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    api_server.api_server.cache_clear()
    monkeypatch.setattr(api_server, "PATIENCE_SECONDS", 5.0)
    monkeypatch.setattr(crd_provider, "_REFRESH_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(crd_provider, "_NAMES_SECONDS", 0.2)


class Bundle:
    """What the program says of a bundle, and what a test does with it."""

    def __init__(self, api: StandInApiServer, tmp_path: Path) -> None:
        self.plugin = credential_plugin(tmp_path / "get-token")
        self.kubeconfig = api.kubeconfig(self.plugin, "see the handbook")
        self.crds: dict[str, Any] = {}
        self.version = "v2.0.0"
        self.remove: list[str] = []

    def of(self, *definitions: dict[str, Any]) -> Bundle:
        """With these CRDs, which are then in the cache."""
        self.crds = {}
        for one in definitions:
            digest = digest_of(canonical_json(one)).removeprefix("sha256:")
            ChartCache().write_json("crds", digest, one)
            versions = shown_versions(served_versions(one), stored_version(one))
            self.crds[one["metadata"]["name"]] = {"versions": versions, "digest": digest}
        return self

    @property
    def props(self) -> dict[str, Any]:
        removed = {"remove": self.remove} if self.remove else {}
        return {"version": self.version, "crds": deepcopy(self.crds), "kubeconfig": self.kubeconfig, **removed}

    def created(self) -> dict[str, Any]:
        outs = PROVIDER_OF_BUNDLES.create(self.props).outs
        assert outs is not None
        return outs

    def refusal(self) -> str:
        with pytest.raises((ChartError, ApiServerError)) as caught:
            PROVIDER_OF_BUNDLES.create(self.props)
        return str(caught.value)

    def changes(self, state: dict[str, Any]) -> bool:
        """Whether the engine would show an update; where the provider doesn't say, it compares inputs itself."""
        told = PROVIDER_OF_BUNDLES.diff("id", state, self.props).changes
        return told if told is not None else {**state, "storedVersions": 0} != {**self.props, "storedVersions": 0}


@pytest.fixture
def bundle(api: StandInApiServer, tmp_path: Path) -> Bundle:
    return Bundle(api, tmp_path).of(definition(THINGS), definition(BOXES, "v1 v1beta1"))


# Applying.


def test_crds_are_applied_by_the_server_and_waited_for(api: StandInApiServer, bundle: Bundle) -> None:
    api.polls_until_established = 3
    assert bundle.created() == bundle.props
    assert sorted(api.applied()) == [BOXES, THINGS]
    assert {name: api._polls[name] for name in api.crds} == {BOXES: 3, THINGS: 3}
    (patch, *_) = [one for one in api.asked if one.method == "PATCH"]
    assert (patch.content_type, patch.query) == (
        "application/apply-patch+yaml",
        {"fieldManager": ["kuber"], "force": ["true"]},
    )


def test_what_others_fill_in_is_not_applied(api: StandInApiServer, bundle: Bundle) -> None:
    webhook = {
        "clientConfig": {"service": {"name": "hook", "namespace": "x"}, "caBundle": "Cg=="},
        "conversionReviewVersions": ["v1"],
    }
    bundle.of(
        {**definition(conversion={"strategy": "Webhook", "webhook": webhook}), "status": {"storedVersions": []}}
    ).created()
    (patch,) = [one for one in api.asked if one.method == "PATCH"]
    assert patch.body["spec"]["conversion"]["webhook"]["clientConfig"] == {
        "service": {"name": "hook", "namespace": "x"}
    }
    assert "status" not in patch.body


def test_the_state_holds_no_definition(bundle: Bundle) -> None:
    state = bundle.created()
    assert state["crds"][BOXES].keys() == {"versions", "digest"}
    assert state["crds"][BOXES]["versions"] == "v1 (stored), v1beta1"
    assert "listKind" not in str(state)


def test_a_version_that_is_stored_but_not_served_says_so() -> None:
    assert shown_versions(["v1beta1"], "v1") == "v1beta1, v1 (stored, not served)"


def test_names_that_another_crd_has_are_an_error(api: StandInApiServer, bundle: Bundle) -> None:
    api.unwanted_names[BOXES] = '"BoxList" is already in use'
    assert bundle.refusal().startswith(
        f'{BOXES}: the API server doesn\'t accept its names: "BoxList" is already in use'
    )


def test_what_is_never_established_is_named_when_the_time_is_over(
    api: StandInApiServer, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.polls_until_established = None
    monkeypatch.setattr(crd_provider, "_ESTABLISHED_SECONDS", 0.3)
    monkeypatch.setattr(crd_provider, "_TOLD_SECONDS", 0.1)
    told = bundle.refusal()
    assert told.startswith("2 of 2 CRDs: not established after 0.3 s: ")
    assert f"{THINGS}: no condition Established yet" in told
    assert "waiting for 2 of 2 CRDs to be established" in capsys.readouterr().err


# Before anything is touched.


def test_a_definition_that_is_not_on_this_machine_fails_in_the_preview(api: StandInApiServer, bundle: Bundle) -> None:
    (ChartCache().folder / "crds" / f"{bundle.crds[BOXES]['digest']}.json").unlink()
    (failure,) = PROVIDER_OF_BUNDLES.check({}, bundle.props).failures
    assert failure.reason.startswith("CRDs v2.0.0: definitions aren't in ")
    assert BOXES in failure.reason and THINGS not in failure.reason
    assert "kuber charts fetch" in failure.reason
    assert bundle.refusal() == failure.reason
    assert api.asked == []


def test_a_definition_that_was_changed_in_the_cache_is_not_applied(api: StandInApiServer, bundle: Bundle) -> None:
    ChartCache().write_json("crds", bundle.crds[THINGS]["digest"], definition(scope="Cluster"))
    (failure,) = PROVIDER_OF_BUNDLES.check({}, bundle.props).failures
    assert THINGS in failure.reason
    assert THINGS in bundle.refusal()
    assert api.asked == []


def test_checking_passes_inputs_on_as_they_are(bundle: Bundle) -> None:
    checked = PROVIDER_OF_BUNDLES.check({}, bundle.props)
    assert (checked.inputs, checked.failures) == (bundle.props, [])


def test_a_version_that_objects_are_stored_in_is_not_dropped(api: StandInApiServer, bundle: Bundle) -> None:
    api.has(definition(THINGS, "v1 v1alpha1"), storedVersions=["v1alpha1", "v1"])
    told = bundle.of(definition(BOXES), definition(THINGS, "v1")).refusal()
    assert told.startswith(f"{THINGS}: the cluster has objects stored in v1alpha1, which v2.0.0 doesn't have any more")
    assert f"kubectl get {THINGS} -A -o json | kubectl replace -f -" in told
    assert (
        f"""kubectl patch crd {THINGS} --subresource=status --type=merge -p '{{"status":{{"storedVersions":["v1"]}}}}'"""
        in told
    )
    assert api.applied() == []


def test_the_preview_tells_it_too_from_what_was_last_read(api: StandInApiServer, bundle: Bundle) -> None:
    api.has(definition(THINGS, "v1 v1alpha1"), storedVersions=["v1alpha1", "v1"])
    state = bundle.of(definition(THINGS, "v1 v1alpha1")).created()
    assert state["storedVersions"] == {THINGS: ["v1alpha1"]}
    bundle.of(definition(THINGS, "v1"))
    with pytest.raises(ChartError, match="stored in v1alpha1"):
        bundle.changes(state)
    api.crds[THINGS]["status"]["storedVersions"] = ["v1"]
    migrated = PROVIDER_OF_BUNDLES.read("id", state).outs
    assert migrated is not None and bundle.changes(migrated)


def test_a_crd_that_somebody_is_deleting_is_left_alone(api: StandInApiServer, bundle: Bundle) -> None:
    api.has(definition(THINGS))
    api.crds[THINGS]["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z"
    assert bundle.refusal().startswith(f"{THINGS}: is being deleted")
    assert api.applied() == []


# What changes.


def test_only_another_version_other_crds_or_another_way_to_the_cluster_is_a_change(bundle: Bundle) -> None:
    state = bundle.created()
    assert not bundle.changes(state)
    bundle.version = "v2.0.1"
    assert bundle.changes(state)
    bundle.version = "v2.0.0"
    bundle.of(definition(THINGS), definition(BOXES, "v1 v1beta1", preserveUnknownFields=False))
    assert bundle.changes(state)
    bundle.of(definition(THINGS), definition(BOXES, "v1 v1beta1"))
    bundle.remove = ["old.shop.example"]
    assert bundle.changes(state)
    bundle.remove = []
    bundle.kubeconfig = bundle.kubeconfig.replace("https://127.0.0.1", "https://127.0.0.2")
    assert bundle.changes(state)


def test_what_is_no_longer_in_the_bundle_stays(
    api: StandInApiServer, bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    state = bundle.created()
    outs = PROVIDER_OF_BUNDLES.update("id", state, bundle.of(definition(THINGS)).props).outs
    assert outs == bundle.props
    assert BOXES in api.crds
    assert capsys.readouterr().err == f"no longer in the release, but kept: {BOXES}\n"


def test_destroying_touches_no_crd(api: StandInApiServer, bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    state = bundle.created()
    api.asked.clear()
    PROVIDER_OF_BUNDLES.delete("id", state)
    assert api.asked == []
    assert f"CRDs stay in the cluster, and so do their objects: {BOXES}, {THINGS}" in capsys.readouterr().err


# Refreshing.


def test_a_refresh_without_drift_changes_nothing(bundle: Bundle) -> None:
    state = bundle.created()
    read = PROVIDER_OF_BUNDLES.read("id", state)
    assert (read.outs, read.inputs) == (state, state)


def test_what_is_missing_or_otherwise_in_the_cluster_is_mended(api: StandInApiServer, bundle: Bundle) -> None:
    state = bundle.created()
    del api.crds[THINGS]
    api.crds[BOXES]["spec"]["versions"][1]["served"] = False
    read = PROVIDER_OF_BUNDLES.read("id", state)
    assert read.outs == read.inputs
    assert read.outs is not None and {name: facts["versions"] for name, facts in read.outs["crds"].items()} == {
        BOXES: "v1 (stored)"
    }
    assert bundle.changes(read.outs)
    assert PROVIDER_OF_BUNDLES.update("id", read.outs, bundle.props).outs == state
    assert api.crds.keys() == {THINGS, BOXES}


def test_a_cluster_that_does_not_answer_leaves_the_state_as_it_is(
    api: StandInApiServer, bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    state = bundle.created()
    api.stop()
    read = PROVIDER_OF_BUNDLES.read("id", state)
    assert (read.id, read.outs, read.inputs) == ("id", state, state)
    assert (
        f"warning: CRDs aren't refreshed, the state is taken for true: {api.url} didn't get" in capsys.readouterr().err
    )


def test_bundles_of_a_cluster_that_does_not_answer_wait_for_it_once(api: StandInApiServer, bundle: Bundle) -> None:
    state = bundle.created()
    api.asked.clear()
    api.next_answers = [(503, {}, "etcd is away")]
    for _ in range(3):
        PROVIDER_OF_BUNDLES.read("id", state)
    assert len(api.asked) == 1


def test_who_may_not_read_crds_can_still_preview(
    api: StandInApiServer, bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    state = bundle.created()
    api.next_answers = [(403, {}, "viewer cannot get resource customresourcedefinitions")]
    assert PROVIDER_OF_BUNDLES.read("id", state).outs == state
    assert "viewer cannot get resource" in capsys.readouterr().err


# An API server that has its troubles.


def test_a_busy_server_is_asked_again_when_it_says(api: StandInApiServer, bundle: Bundle) -> None:
    api.next_answers = [(429, {"Retry-After": "1"}, "too many requests"), (500, {}, "etcdserver: leader changed")]
    started = time.monotonic()
    assert bundle.created() == bundle.props
    assert 1.0 <= time.monotonic() - started < 5.0


def test_a_server_that_comes_late_is_waited_for(certificates: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    late: list[StandInApiServer] = []
    early = StandInApiServer(certificates, port=port)
    bundle = Bundle(early, tmp_path).of(definition(THINGS))
    early.stop()
    timer = threading.Timer(0.7, lambda: late.append(StandInApiServer(certificates, port=port)))
    timer.start()
    assert bundle.created() == bundle.props
    assert late[0].applied() == [THINGS]
    late[0].stop()


def test_patience_with_a_server_ends(api: StandInApiServer, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_server, "PATIENCE_SECONDS", 0.6)
    api.stop()
    told = bundle.refusal()
    assert told.startswith(f"{api.url} didn't get CustomResourceDefinition {THINGS} in 0.6 s: ")
    assert "Connection refused" in told


def test_what_the_server_refuses_is_told_at_once_in_its_words(api: StandInApiServer, bundle: Bundle) -> None:
    api.next_answers = [(403, {}, 'User "jane" cannot get resource')]
    told = bundle.refusal()
    assert told == f'{api.url} refuses to get CustomResourceDefinition {THINGS}: User "jane" cannot get resource'
    assert len(api.asked) == 1


def test_a_server_of_another_authority_is_not_trusted(api: StandInApiServer, bundle: Bundle, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    impostor = StandInApiServer(other)
    bundle.kubeconfig = bundle.kubeconfig.replace(api.url, impostor.url)
    told = bundle.refusal()
    impostor.stop()
    assert told.startswith(f"{impostor.url} can't be trusted: ") and "CERTIFICATE_VERIFY_FAILED" in told
    assert impostor.asked == []


# Credentials.


def test_bundles_of_a_cluster_share_one_token(bundle: Bundle) -> None:
    bundle.created()
    bundle.of(definition(THINGS)).created()
    assert runs(bundle.plugin) == 1


def test_a_token_that_ends_is_replaced_before_it_does(bundle: Bundle, tmp_path: Path) -> None:
    credential_plugin(tmp_path / "get-token", expires="2020-01-01T00:00:00Z")
    bundle.of(definition(THINGS)).created()
    assert runs(bundle.plugin) > 1


def test_a_token_that_was_taken_back_is_replaced(api: StandInApiServer, bundle: Bundle, tmp_path: Path) -> None:
    bundle.created()
    api.tokens = {"token-2"}
    credential_plugin(tmp_path / "get-token", token="token-2")
    assert bundle.created() == bundle.props
    assert runs(bundle.plugin) == 2


def test_without_good_credentials_there_is_one_error(api: StandInApiServer, bundle: Bundle) -> None:
    api.tokens = set()
    assert bundle.refusal().endswith(f"refuses to get CustomResourceDefinition {THINGS}: Unauthorized")
    assert runs(bundle.plugin) == 2


def test_a_missing_credential_plugin_is_named_with_how_to_get_it(api: StandInApiServer, bundle: Bundle) -> None:
    bundle.plugin.unlink()
    assert (
        bundle.refusal() == f"`{bundle.plugin}`, which gets the credentials for {api.url}, isn't here: see the handbook"
    )


def test_a_credential_plugin_that_fails_says_why(bundle: Bundle, tmp_path: Path) -> None:
    credential_plugin(tmp_path / "get-token", then="echo 'the session has ended: log in' >&2; exit 1")
    told = bundle.refusal()
    assert "gets no credentials for" in told and "the session has ended: log in" in told


def test_a_plugin_may_give_a_client_certificate(certificates: Path, tmp_path: Path) -> None:
    server = StandInApiServer(certificates, client_certificates=True)
    bundle = Bundle(server, tmp_path).of(definition(THINGS))
    pair = {"clientCertificateData": server.certificate.read_text(), "clientKeyData": server.key.read_text()}
    answering_plugin(bundle.plugin, pair)
    assert bundle.created() == bundle.props
    server.stop()
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_no_file_is_left_behind(bundle: Bundle) -> None:
    bundle.created()
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


# Deleting by name.


def test_a_crd_without_objects_is_deleted_when_named(api: StandInApiServer, bundle: Bundle) -> None:
    api.has(definition("old.shop.example"))
    bundle.of().remove = ["old.shop.example", "gone.shop.example"]
    assert bundle.created() == bundle.props
    assert api.crds == {}


def test_a_crd_with_objects_is_not_deleted(api: StandInApiServer, bundle: Bundle) -> None:
    api.has(definition("olds.shop.example"))
    api.objects["olds"] = ["default/a", "default/b"]
    bundle.remove = ["olds.shop.example"]
    told = bundle.refusal()
    assert told.startswith(
        "olds.shop.example: is to be removed, and the cluster has objects of it, such as default/a, default/b"
    )
    assert "olds.shop.example" in api.crds and api.applied() == []


def test_a_crd_that_changed_since_it_was_looked_at_is_not_deleted(api: StandInApiServer, bundle: Bundle) -> None:
    api.has(definition("olds.shop.example"))
    bundle.of().remove = ["olds.shop.example"]
    objects = api._answer_objects
    api._answer_objects = lambda asked: (api.has(definition("olds.shop.example")), objects(asked))[1]
    assert (
        "refuses to delete CustomResourceDefinition olds.shop.example: the object has been modified" in bundle.refusal()
    )
    assert [one.path for one in api.asked if one.method == "DELETE"] == [f"{CRDS}/olds.shop.example"]


# As the program has it.


def test_the_provider_in_the_state_is_the_class_by_its_name() -> None:
    from pulumi.dynamic.dynamic import serialize_provider

    assert serialize_provider(CrdBundleProvider()) == PROVIDER
