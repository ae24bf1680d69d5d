"""The project as a git revision has it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path


class RevisionError(Exception):
    """A revision can't be had; the text says why."""


def commit_of(project: Path, revision: str) -> str:
    """The commit that a revision names, abbreviated.

    Raises:
        RevisionError: git knows no such revision, or there is no git.
    """
    return _git(project, "rev-parse", "--verify", "--quiet", "--short", f"{revision}^{{commit}}").decode().strip()


def check_out(project: Path, revision: str, folder: Path) -> Path:
    """The project as a revision has it, in a folder, with the virtual environment of the working tree.

    Nothing of the repository is changed: no branch, no index, no list of work trees.

    Raises:
        RevisionError: git knows no such revision, or there is no git.
    """
    top, inside = (_git(project, "rev-parse", asked).decode().strip() for asked in ("--show-toplevel", "--show-prefix"))
    archive = _git(Path(top), "archive", "--format=tar", f"{revision}:{inside}" if inside else revision)
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="tar")  # links may lead anywhere, as in the repository
    environment = project / ".venv"
    if environment.exists() and not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(environment.resolve(), target_is_directory=True)
    return folder


def merge_base(project: Path, revision: str) -> str:
    """The commit at which the working tree's history left a revision's; the revision's own where the clone is too shallow to tell.

    Raises:
        RevisionError: git knows no such revision, or there is no git.
    """
    commit = commit_of(project, revision)
    try:
        return _git(project, "merge-base", commit, "HEAD").decode().strip()
    except RevisionError:
        return commit


def files_at(project: Path, revision: str) -> dict[str, str]:
    """The files of the project at a revision, by path below it: git's id of each one's content.

    Raises:
        RevisionError: git knows no such revision, or there is no git.
    """
    told = _git(project, "ls-tree", "-r", "-z", revision)  # of the folder that it is called in
    entries = (line.split("\t", 1) for line in told.decode().split("\0") if line)
    return {path: description.split()[2] for description, path in entries}


def files_here(project: Path) -> dict[str, str]:
    """The files of the working tree, those that git ignores left out, in the same form; new ones and changed ones as they are.

    Raises:
        RevisionError: the folder is in no repository, or there is no git.
    """
    told = _git(project, "ls-files", "--cached", "--others", "--exclude-standard", "-z").decode()
    there = (path for path in set(told.split("\0")) if path and (project / path).is_file())
    return {path: _blob((project / path).read_bytes()) for path in there}


def _blob(content: bytes) -> str:
    """Git's id of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _git(project: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(project), *arguments], capture_output=True)
    except FileNotFoundError:
        raise RevisionError("git is not installed: an earlier version of the project can't be had without it") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise RevisionError(said or f"git knows no such revision in {project}")
    return done.stdout
