"""The real engine on a small program: what it registers is seen whole, and nothing else is touched."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kuber.plan.registration import SECRET, UNKNOWN
from kuber.rehearsal.engine import Engine, EngineError, EngineMissingError, Preview, find_tools
from kuber.rehearsal.provider import StandInProvider
from tests.engine.digest import digest_differences
from tests.rehearsal.cluster import until
from tests.rehearsal.running import processes_in

STACK_URN = "urn:pulumi:dev::sample::pulumi:pulumi:Stack::sample-dev"
KEYS_URN = "urn:pulumi:dev::sample::sample:index:Keys::keys"
KEY_URN = "urn:pulumi:dev::sample::sample:index:Keys$aws:kms/key:Key::keys-key"
ALIAS_URN = "urn:pulumi:dev::sample::sample:index:Keys$aws:kms/alias:Alias::keys-alias"


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory, engine_tools: Path) -> Preview:
    project = tmp_path_factory.mktemp("sample")
    shutil.copytree(Path(__file__).parent / "sample_program", project, dirs_exist_ok=True)
    (project / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    with Engine(project) as engine:
        return engine.preview("dev")


def named(preview: Preview, name: str) -> dict[str, Any]:
    (found,) = [resource for resource in preview.resources if resource["name"] == name]
    return found


def test_every_resource_of_the_program_is_registered_and_will_be_created(preview: Preview) -> None:
    names = {resource["name"] for resource in preview.resources}
    assert names == {
        *("sample-dev", "keys", "keys-key", "keys-alias", "cluster", "not-yet", "by-now"),
        *("namespace", "prometheus", "config", "page", "note"),
    }
    assert preview.operations == {resource["urn"]: "create" for resource in preview.resources}
    assert preview.warnings == []


def test_a_resource_says_where_it_belongs_and_with_which_options(preview: Preview) -> None:
    key = named(preview, "keys-key")
    assert (key["urn"], key["parent"], key["provider"]) == (KEY_URN, KEYS_URN, None)
    assert key["options"] == {
        "aliases": [{"spec": {"name": "former-key", "parentUrn": ""}}],
        "customTimeouts": {"create": "5m"},
        "deleteBeforeReplace": False,
        "ignoreChanges": ["tags.touched"],
        "protect": True,
    }
    assert named(preview, "cluster")["options"]["dependsOn"] == [ALIAS_URN, KEY_URN]
    assert named(preview, "keys")["parent"] == STACK_URN
    assert named(preview, "namespace")["provider"] == named(preview, "not-yet")["urn"]


def test_what_only_the_cloud_can_tell_is_unknown_and_its_path_is_named(preview: Preview) -> None:
    cluster = named(preview, "cluster")
    assert cluster["inputs"]["vpcConfig"]["subnetIds"] == ["subnet-1", UNKNOWN]
    assert cluster["unknown"] == ["vpcConfig.subnetIds[1]"]
    assert named(preview, "prometheus")["unknown"] == ['metadata.annotations["eks.io/key"]']
    assert named(preview, "note")["inputs"] == {"__provider": SECRET, "text": UNKNOWN}


def test_objects_of_a_cluster_that_does_not_exist_yet_are_seen_to_the_letter(preview: Preview) -> None:
    assert named(preview, "prometheus")["inputs"]["spec"] == {
        "replicas": 2,
        "ratio": 0.5,
        "bytes": 2**40,
        "absent": None,
        "empty": {},
        "none": [],
    }


def test_a_secret_is_never_shown(preview: Preview) -> None:
    assert named(preview, "config")["inputs"]["data"] == {"pw": SECRET}
    assert preview.outputs == {"endpoint": UNKNOWN, "name": "small", "password": SECRET}
    assert "correct horse" not in repr(preview)


def test_the_result_names_the_stand_ins(preview: Preview) -> None:
    assert preview.stand_ins == ("aws", "gcp", "kubernetes", "vault")


def test_the_engines_own_digest_says_the_same(preview: Preview) -> None:
    assert digest_differences(preview) == []


def test_a_stack_is_previewed_again_in_the_same_workspace(sample_project: Path) -> None:
    with Engine(sample_project) as engine:
        assert engine.preview("dev").resources == engine.preview("dev").resources


def test_nothing_is_written_to_the_project(sample_project: Path) -> None:
    def content() -> dict[str, bytes]:
        files = (path for path in sample_project.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {str(path): path.read_bytes() for path in files}

    before = content()
    with Engine(sample_project) as engine:
        engine.preview("dev")
    assert content() == before


def test_a_stack_file_of_a_real_stack_needs_no_passphrase(sample_project: Path) -> None:
    stack_file = sample_project / "Pulumi.dev.yaml"
    stack_file.write_text("encryptionsalt: v1:kcSKOzSiCDE=:v1:hKcIScQ97Boj5JPK:6uF7r1N=\n" + stack_file.read_text())
    with Engine(sample_project) as engine:
        assert engine.preview("dev").outputs["name"] == "small"


def test_a_wrong_stack_file_gives_its_one_error_and_no_traceback(sample_project: Path) -> None:
    with Engine(sample_project) as engine, pytest.raises(EngineError) as caught:
        engine.preview("wrong")
    assert str(caught.value) == (
        "pulumi preview of wrong failed:\nPulumi.wrong.yaml:3: sample:cluster.nmae: unknown key; did you mean 'name'?"
    )


def test_a_stack_without_a_file_is_refused_with_those_that_are_there(sample_project: Path) -> None:
    with Engine(sample_project) as engine, pytest.raises(EngineError, match=r"Pulumi\.prod\.yaml: no such stack file"):
        engine.preview("prod")


def test_a_look_up_in_a_live_cloud_is_refused(sample_project: Path) -> None:
    with (sample_project / "__main__.py").open("a") as program:
        program.write("\naws.get_caller_identity()\n")
    with Engine(sample_project) as engine, pytest.raises(EngineError, match="looks something up in a live aws"):
        engine.preview("dev")


def test_what_a_simulated_cloud_refuses_is_the_engines_error(sample_project: Path) -> None:
    class Strict(StandInProvider):
        def failures(self, resource_type: str, inputs: Any) -> Iterator[tuple[str, str]]:
            if resource_type == "aws:kms/key:Key" and "description" not in inputs:
                yield "description", "a key needs a description"

    providers = [Strict("aws"), StandInProvider("kubernetes")]
    with Engine(sample_project, providers=providers) as engine, pytest.raises(EngineError) as caught:
        engine.preview("dev")
    assert "a key needs a description" in str(caught.value)


def test_credentials_do_not_reach_the_program(sample_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    with (sample_project / "__main__.py").open("a") as program:
        program.write("\nimport os\npulumi.export('profile', os.environ.get('AWS_PROFILE', 'none'))\n")
    with Engine(sample_project) as engine:
        assert engine.preview("dev").outputs["profile"] == "none"


def test_a_program_that_hangs_is_stopped_with_all_the_engine_started(sample_project: Path) -> None:
    (sample_project / "__main__.py").write_text("import time\ntime.sleep(600)\n")
    with Engine(sample_project, timeout_seconds=4) as engine, pytest.raises(EngineError, match="took over 4 s"):
        engine.preview("dev")
    assert processes_in(sample_project) == []


def test_ctrl_c_leaves_no_engine_and_no_language_host(sample_project: Path) -> None:
    (sample_project / "__main__.py").write_text("import time\ntime.sleep(600)\n")
    preview = "import sys\nfrom pathlib import Path\nfrom kuber.rehearsal.engine import Engine\n"
    preview += "with Engine(Path(sys.argv[1])) as engine:\n    engine.preview('dev')\n"
    command = [sys.executable, "-c", preview, str(sample_project)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: any("pulumi-language-python-exec" in line for line in processes_in(sample_project)))
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert stderr.rstrip().endswith("KeyboardInterrupt")
    assert processes_in(sample_project) == []


def test_a_named_folder_without_an_engine_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBER_TOOLS_BIN", str(tmp_path))
    with pytest.raises(EngineMissingError, match="there is no pulumi in it"):
        find_tools()
