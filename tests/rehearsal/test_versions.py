"""Versions of a project for a rehearsal: what git has of them, and stack files that lead to nothing real."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from kuber.rehearsal.versions import Reached, throw_away, tree_with
from kuber.revisions import RevisionError, check_out, commit_of
from tests.support import EKS, METAL

REACHED = Reached(
    server="https://127.0.0.1:6443", certificate_authority="-----BEGIN\nEND-----\n", credential_plugin="plugin"
)


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@shop.example")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of a repository, with an environment that git doesn't know."""
    repository = tmp_path / "repository"
    folder = repository / "infra"
    (folder / "parts").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\noptions: {refresh: always}\n")
    (folder / "__main__.py").write_text("print('first')\n")
    (folder / "parts" / "one.py").write_text("ONE = 1\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    (repository / "other").write_text("not of the project")
    _git(repository, "init", "-q")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "first")
    (folder / "__main__.py").write_text("print('second')\n")
    (folder / ".venv").mkdir()
    return folder


def test_an_earlier_version_is_whole_and_shares_the_environment(project: Path, tmp_path: Path) -> None:
    before = sorted(project.rglob("*"))
    there = check_out(project, "HEAD", tmp_path / "base")
    assert (there / "__main__.py").read_text() == "print('first')\n"
    assert (there / "parts" / "one.py").exists()
    assert not (there / "other").exists()
    assert (there / ".venv").resolve() == project / ".venv"
    assert sorted(project.rglob("*")) == before
    worktrees = subprocess.run(["git", "worktree", "list"], cwd=project, capture_output=True, text=True, check=True)
    assert len(worktrees.stdout.splitlines()) == 1


def test_an_unknown_revision_and_a_folder_without_git_are_told(project: Path, tmp_path: Path) -> None:
    assert len(commit_of(project, "HEAD")) >= 7
    with pytest.raises(RevisionError, match="no such revision"):
        commit_of(project, "nowhere")
    with pytest.raises(RevisionError):
        commit_of(tmp_path, "HEAD")


def test_a_tree_is_the_project_with_another_stack_file(project: Path, tmp_path: Path) -> None:
    tree = tree_with(project, tmp_path / "tree", "dev", "config: {changed: true}\n")
    assert (tree / "Pulumi.dev.yaml").read_text() == "config: {changed: true}\n"
    assert (project / "Pulumi.dev.yaml").read_text() == "config: {}\n"
    assert (tree / "__main__.py").read_text() == "print('second')\n"
    assert not (tree / "__main__.py").is_symlink()  # Python looks for modules where the program really is
    assert (tree / "parts" / "one.py").read_text() == "ONE = 1\n"
    yaml = YAML(typ="safe", pure=True)
    assert yaml.load(tree / "Pulumi.yaml") == yaml.load(project / "Pulumi.yaml")
    unread = tree_with(project, tmp_path / "unread", "dev", "", refresh=False)
    assert yaml.load(unread / "Pulumi.yaml") == {"name": "shop", "runtime": "python"}


def test_what_needs_the_real_stacks_key_is_replaced_and_named() -> None:
    text = EKS.text + "encryptionsalt: v1:abc\nsecretsprovider: awskms://alias/x\nencryptedkey: zzz\n"
    text = text.replace("  kuber:cluster:", "  other:password: {secure: v1:def}\n  kuber:cluster:")
    text = text.replace("existing_secret: alertmanager-routes", "receivers: [{secure: v1:ghi}]")
    made = throw_away(text)
    assert "secure" not in made.text
    assert not any(key in made.text for key in ("encryptionsalt", "secretsprovider", "encryptedkey"))
    assert list(made.secrets) == [
        "config.other:password",
        "config.kuber:cluster.standard_stack.monitoring.alertmanager.receivers.0",
    ]


def test_a_stack_file_without_secrets_says_the_same_as_before() -> None:
    yaml = YAML(typ="safe", pure=True)
    made = throw_away(EKS.text, reached=REACHED)
    assert yaml.load(made.text) == yaml.load(EKS.text)
    assert made.secrets == []


def test_protection_is_lifted_where_that_is_asked_for() -> None:
    yaml = YAML(typ="safe", pure=True)
    cluster = yaml.load(throw_away(EKS.text, protect=False).text)["config"]["kuber:cluster"]
    assert cluster == {**EKS.value(), "protect": False}


def test_a_cluster_on_own_machines_is_reached_here_and_nowhere_else() -> None:
    yaml = YAML(typ="safe", pure=True)
    cluster = yaml.load(throw_away(METAL.text, reached=REACHED).text)["config"]["kuber:cluster"]
    assert cluster["provisioner"] == {
        "type": "kubeconfig",
        "server": REACHED.server,
        "certificate_authority": REACHED.certificate_authority,
        "exec": {"command": "plugin"},
    }
