"""The plans of two versions of the project, side by side in processes of their own; what was planned once is kept."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.charts.cache import cache_folder, canonical_json, digest_of
from config.stack_file import stack_file_path
from config.today import today
from kuber.files import replace_file
from kuber.plan.fingerprints import VARIABLE, Fingerprints
from kuber.plan.registration import masked
from kuber.progress import Progress
from kuber.revisions import RevisionError

from .redaction import redacted, redacted_text

_FORMAT = 1
"""Of what is kept, and of what is masked in it; another one is planned anew."""

_KEPT = 300
"""Plans; the least recently used go."""

_NO_PART_OF_A_PLAN = ("bench/", "docs/", "pipelines/", "schema/", "services/", "tests/", "tools/", ".ci/", ".git")
_REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of the project.

    Attributes:
        label: What people call it.
        folder: Where it is.
        files: Git's id of each file's content, by path below the folder.
    """

    label: str
    folder: Path
    files: Mapping[str, str] = field(repr=False)

    def stacks(self) -> list[str]:
        """The stacks that it has files for, sorted."""
        names = (path for path in self.files if "/" not in path)
        return sorted(
            name.removeprefix("Pulumi.").removesuffix(".yaml")
            for name in names
            if name.startswith("Pulumi.") and name.endswith(".yaml") and name != "Pulumi.yaml"
        )


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What planning a stack gave.

    Attributes:
        document: The plan as `kuber plan --json` writes it, without anything that looks like a secret; None where there is none.
        warnings: What was warned of.
        problem: Why there is none.
    """

    document: Mapping[str, Any] | None = None
    warnings: Sequence[str] = ()
    problem: str = ""


def plans(wanted: Sequence[tuple[str, Version]], progress: Progress) -> dict[tuple[str, str], Planned]:
    """The plans of stacks, by stack and label of the version; equal ones are made once, and as many at once as there are processors.

    Raises:
        RevisionError: what a version needs can't be installed.
    """
    pythons = {version.label: _python(version, progress) for version in {one.label: one for _, one in wanted}.values()}
    secret = _secret()
    keys = {(stack, version.label): _key(stack, version, secret) for stack, version in wanted}
    found = {key: planned for key in set(keys.values()) if (planned := _kept(key))}
    to_plan = {keys[stack, version.label]: (stack, version) for stack, version in wanted}
    to_plan = {key: one for key, one in to_plan.items() if key not in found}
    if to_plan:
        progress.begin("plan", len(to_plan))
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as at_once:
            futures = {
                at_once.submit(_plan, stack, version, pythons[version.label], secret): key
                for key, (stack, version) in to_plan.items()
            }
            for number, future in enumerate(as_completed(futures), 1):
                key = futures[future]
                found[key] = future.result()
                _keep(key, found[key])
                progress.done(number)
        progress.end("done")
        _forget_the_oldest()
    return {one: found[key] for one, key in keys.items()}


def _plan(stack: str, version: Version, python: Path, secret: bytes) -> Planned:
    """A plan by the version's own program and command line."""
    done = subprocess.run(
        [python, "-m", "kuber", "plan", stack, "--json", "-"],
        cwd=version.folder,
        env={**os.environ, "PYTHONPATH": str(version.folder), VARIABLE: secret.hex(), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    told = [line for line in redacted_text(done.stderr.strip(), masked).splitlines() if line.strip()]
    if done.returncode != 0:
        return Planned(problem="\n".join(told) or f"`kuber plan {stack}` ended with {done.returncode}")
    try:
        document = json.loads(done.stdout)
    except ValueError:
        return Planned(problem=f"`kuber plan {stack} --json -` of {version.label} gave no JSON")
    document = redacted(document, Fingerprints(secret).mask)
    return Planned(document=document, warnings=[line.removeprefix("warning: ") for line in told])


def _key(stack: str, version: Version, secret: bytes) -> str:
    """What a plan depends on: the program's files, its requirements among them, the charts that are here, and the day."""
    own = stack_file_path(stack, Path()).name
    files = {
        path: blob
        for path, blob in version.files.items()
        if path == own
        or not (path.startswith(_NO_PART_OF_A_PLAN) or (path.startswith("Pulumi.") and path != "Pulumi.yaml"))
    }
    return digest_of(
        canonical_json([_FORMAT, stack, files, _charts_here(), today().isoformat(), sys.version, digest_of(secret)])
    ).removeprefix("sha256:")


def _charts_here() -> list[list[str]]:
    folders = (cache_folder() / kind for kind in ("charts", "manifests"))
    files = (file for folder in folders if folder.is_dir() for file in folder.glob("*.json"))
    return sorted([file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files)


def _folder() -> Path:
    return cache_folder() / "plans"


def _kept(key: str) -> Planned | None:
    file = _folder() / f"{key}.json"
    try:
        kept = Planned(**json.loads(file.read_bytes()))
        os.utime(file)
    except (OSError, ValueError, TypeError):
        return None
    return kept


def _keep(key: str, planned: Planned) -> None:
    """Keep a plan; a failure is found anew each time, as what it lacked may be there then."""
    if planned.document is not None:
        _folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(_folder() / f"{key}.json", json.dumps(vars(planned)))


def _forget_the_oldest() -> None:
    for file in sorted(_folder().glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)[_KEPT:]:
        file.unlink(missing_ok=True)


def _secret() -> bytes:
    """The key of this user's fingerprints of secrets; made when it is first wanted."""
    file = cache_folder() / "fingerprints.key"
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.") as made:  # nobody else may read it
        made.write(secrets.token_bytes(32))
        made.flush()
        with suppress(FileExistsError):
            os.link(made.name, file)
    return file.read_bytes()


def _python(version: Version, progress: Progress) -> Path:
    """The Python with what a version requires: this one where it requires the same, else one that is made for it and kept."""
    from kuber import project

    here = Path(project.__file__).parents[1] / _REQUIREMENTS
    wanted = version.folder / _REQUIREMENTS
    if not wanted.is_file() or (here.is_file() and here.read_bytes() == wanted.read_bytes()):
        return Path(sys.executable)
    digest = digest_of(wanted.read_bytes() + sys.version.encode()).removeprefix("sha256:")[:16]
    environment = cache_folder() / "environments" / digest
    python, whole = environment / "bin" / "python", environment / ".whole"
    with _alone(environment):
        if not whole.exists():
            progress.begin(f"install what {version.label} requires")
            _run([sys.executable, "-m", "venv", "--clear", str(environment)], version)
            install = [
                str(python),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--require-hashes",
            ]
            _run([*install, "-r", str(wanted)], version)
            whole.touch()
            progress.end("done")
    return python


def _run(command: Sequence[str], version: Version) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RevisionError(
            f"what {version.label} requires can't be installed\n    found:    {done.stderr.strip().splitlines()[-1:]}\n"
            "    hint:     its requirements.txt differs from this version's, so its plan needs an environment of its own"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds a lock beside a folder, so that two runs don't fill it at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f"{folder.name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
