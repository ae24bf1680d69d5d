"""The schema says of stack files what the settings say."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from config.stack_file import CONFIG_KEY
from kuber.schema import STACK_FILE_SCHEMA
from tests.kuber.command import PROJECT, STACKS, copy_of_the_project, kuber

SCHEMA = json.loads((PROJECT / STACK_FILE_SCHEMA).read_text(encoding="utf-8"))


def stack_file(stack: str) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load((PROJECT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))


def complaints(document: dict[str, Any]) -> list[str]:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(document)]


@pytest.mark.parametrize("stack", STACKS)
def test_the_stack_files_fit_the_schema_that_their_first_line_names(stack: str) -> None:
    first = (PROJECT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={STACK_FILE_SCHEMA}"
    assert complaints(stack_file(stack)) == []


@pytest.mark.parametrize(
    ("stack", "change", "complaint"),
    [
        ("prod-eks", {"regoin": "eu-west-1"}, "'regoin' was unexpected"),
        ("prod-eks", {"platform": "aks"}, "'aks' is not one of"),
        ("prod-eks", {"environment": "prod"}, "'prod' is not one of"),
        ("prod-gke", {"zones": "europe-west1-b"}, "is not of type 'array'"),
        ("prod-gke", {"project": {"id": "shop"}}, "'number' is a required property"),
        ("colo-london", {"kubernetes": {"version": 1.35}}, "is not of type 'string'"),
    ],
)
def test_an_editor_sees_what_is_wrong(stack: str, change: dict[str, Any], complaint: str) -> None:
    document = copy.deepcopy(stack_file(stack))
    document["config"][CONFIG_KEY].update(change)
    assert any(complaint in said for said in complaints(document)), complaints(document)


def test_keys_are_explained_to_the_editor() -> None:
    pool = SCHEMA["$defs"]["EksPool"]["properties"]
    assert pool["max"]["description"] == "Most nodes, over all zones."
    assert all("description" in key or "$ref" in key for key in pool.values())


def test_a_schema_that_is_not_up_to_date_is_told(tmp_path: Any) -> None:
    folder = copy_of_the_project(tmp_path, "prod-eks")
    assert kuber("schema", "--check", "--project", str(folder)).returncode == 1
    assert kuber("schema", "--project", str(folder)).returncode == 0
    assert kuber("schema", "--check", "--project", str(folder)).returncode == 0
    assert (folder / STACK_FILE_SCHEMA).read_bytes() == (PROJECT / STACK_FILE_SCHEMA).read_bytes()
