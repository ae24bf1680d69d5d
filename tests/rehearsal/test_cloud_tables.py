"""What the simulated clouds know of resource types, held against its sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kuber.rehearsal.cloud import KINDS
from kuber.rehearsal.cloud.kinds import Kind
from kuber.rehearsal.cloud.properties import failures, input_names, known_types, output_names
from kuber.replacement.conditions import CONDITIONS
from kuber.replacement.differences import rules_of
from tests.plans import plan
from tests.requirements import shared
from tests.support import SHIPPED, StackFile
from tools import cloud_tables

ALL_KINDS = {token: kind for kinds in KINDS.values() for token, kind in kinds.items()}
NOT_OF_THE_PROGRAM = {"aws:s3/bucket:Bucket"}
"""Simulated for tests of the engine, whose small programs have some."""


def table(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_table_of_properties_is_what_the_installed_sdks_say() -> None:
    """After an update of an SDK: `python -m tools.cloud_tables`."""
    assert table(cloud_tables.PROPERTIES) == cloud_tables.properties()


def test_the_table_of_replacements_is_what_the_facts_about_the_providers_say() -> None:
    facts = json.loads(shared("upstream/replace_on_changes.json").read_text(encoding="utf-8"))
    assert table(cloud_tables.FORCE_NEW) == cloud_tables.force_new(facts)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_every_type_of_the_clouds_in_a_plan_is_simulated_and_its_properties_are_known(file: StackFile) -> None:
    types = {one.type for one in plan(file).resources.values() if one.type.split(":")[0] in KINDS}
    assert types - known_types() == set()
    assert types - set(ALL_KINDS) == set()


def test_what_is_simulated_is_known_in_all_its_properties() -> None:
    assert set(ALL_KINDS) - NOT_OF_THE_PROGRAM == known_types() == set(cloud_tables.TYPES)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_what_the_program_registers_lacks_nothing_and_has_nothing_unknown(file: StackFile) -> None:
    for one in plan(file).resources.values():
        assert failures(one.type, one.inputs) == []


@pytest.mark.parametrize("token", sorted(set(ALL_KINDS) - NOT_OF_THE_PROGRAM))
def test_names_needs_and_what_is_unique_are_properties_that_there_are(token: str) -> None:
    kind, known = ALL_KINDS[token], input_names(token)
    paths = [path for unique in kind.unique for path in unique.properties] + [one.path for one in kind.needs]
    assert {_top(path) for path in paths} - known == set()
    assert kind.autoname is None or kind.autoname.property in known
    for needs in kind.needs:
        known = {"id", *input_names(needs.type), *output_names(needs.type)}
        assert {_top(by) for by in needs.by.split("|")} - known == set()


def test_each_case_in_which_a_property_replaces_is_known() -> None:
    told = {(token, path) for token, paths in table(cloud_tables.FORCE_NEW)["conditional"].items() for path in paths}
    assert set(CONDITIONS) == told


@pytest.mark.parametrize("token", sorted(table(cloud_tables.FORCE_NEW)["types"]))
def test_what_replaces_are_properties_that_there_are(token: str) -> None:
    rules = rules_of(token)
    paths = [*rules.below, *rules.presence, *rules.conditional]
    known = input_names(token)
    assert {path[0] for path in paths} - known - {"namePrefix"} == set()


def test_a_kind_that_takes_over_what_is_there_says_by_what_it_knows_it() -> None:
    assert [token for token, kind in ALL_KINDS.items() if kind.overwrites and not _says_what_is_one(kind)] == []


def _says_what_is_one(kind: Kind) -> bool:
    return bool(kind.unique)


def _top(path: str) -> str:
    return path.partition(".")[0].removesuffix("[*]")


def test_the_tables_are_written_as_the_tool_writes_them() -> None:
    for file in (cloud_tables.PROPERTIES, cloud_tables.FORCE_NEW):
        assert file.read_text(encoding="utf-8") == cloud_tables.written(table(file))
