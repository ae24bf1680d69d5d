"""By fingerprints two plans tell a secret that changed, and hold nothing of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kuber.plan.fingerprints import VARIABLE, Fingerprints
from tests.kuber.command import copy_of_the_project, kuber
from tests.standard_stack.alone import alone
from tests.support import METAL, TODAY

KEY, OTHER_KEY = "00" * 32, "11" * 32


def pull_secret(folder: Path, encrypted: str, key: str | None) -> str:
    """What the plan shows of the Secret by which images are pulled."""
    registries = {"own": {"address": "registry.shop.example", "username": "pull", "password": {"secure": encrypted}}}
    file = alone(METAL, base={"registries": registries})
    (folder / f"Pulumi.{file.stack}.yaml").write_text(file.text, encoding="utf-8")
    environment = {"KUBER_TODAY": TODAY.isoformat(), **({VARIABLE: key} if key else {})}
    done = kuber("plan", file.stack, "--json", "-", cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    assert encrypted not in done.stdout
    (secret,) = [one for one in json.loads(done.stdout)["resources"] if one["name"] == "default/image-pull"]
    return secret["inputs"]["stringData"]


def test_a_plan_tells_another_secret_by_another_mark_where_it_is_given_a_key(tmp_path: Path) -> None:
    folder = copy_of_the_project(tmp_path)
    first = pull_secret(folder, "v1:first:aaaa", KEY)
    assert first.startswith("[secret ") and first.endswith("]")
    assert pull_secret(folder, "v1:first:aaaa", KEY) == first
    assert pull_secret(folder, "v1:second:bbbb", KEY) != first
    assert pull_secret(folder, "v1:first:aaaa", OTHER_KEY) != first
    assert pull_secret(folder, "v1:first:aaaa", None) == "[secret]"


def test_a_key_that_is_none_is_refused() -> None:
    done = kuber("plan", "prod-eks", env={VARIABLE: "no hexadecimal"})
    assert (done.returncode, VARIABLE in done.stderr) == (2, True)


@pytest.mark.parametrize("value", ["hunter2", {"a": ["hunter2", 1, None]}, "", 5])
def test_a_mark_is_the_same_for_the_same_value_and_key_alone(value: Any) -> None:
    mask = Fingerprints(bytes.fromhex(KEY)).mask
    assert mask(value) == Fingerprints(bytes.fromhex(KEY)).mask(json.loads(json.dumps(value)))
    assert mask(value) != mask([value]) != Fingerprints(bytes.fromhex(OTHER_KEY)).mask([value])
    assert "hunter2" not in mask(value)


def test_what_is_encrypted_is_marked_and_all_else_stays() -> None:
    settings = {"a": {"secure": "v1:x"}, "list": [{"secure": "v1:y"}, {"secure": "v1:x", "more": 1}], "secure": True}
    told = Fingerprints(bytes.fromhex(KEY)).instead_of_encrypted(settings)
    assert told["secure"] is True
    assert told["list"][1] == {"secure": "v1:x", "more": 1}
    assert told["a"] != told["list"][0]
    assert "v1:x" not in told["a"] and "v1:y" not in told["list"][0]
