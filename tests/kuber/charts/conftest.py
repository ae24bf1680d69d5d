"""Registries, repositories and releases of a test's own, for `kuber charts`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

import pytest

from components.charts.cache import ChartCache, digest_of
from config import release
from tests import requirements
from tests.support import PROJECT

CRDS = b"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.com}
"""


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real helm, and the real crane, on PATH: where a test's own cache is in use, theirs isn't seen."""
    folders = {str(tool.parent) for tool in (requirements.helm(), requirements.crane())}
    monkeypatch.setenv("PATH", os.pathsep.join([*sorted(folders), os.environ.get("PATH", os.defpath)]))


@pytest.fixture(autouse=True)
def cache(tools: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChartCache:
    """An empty cache in place of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ChartCache()


Charts = Callable[..., Path]


@pytest.fixture
def chart(tmp_path: Path) -> Charts:
    """Makes a chart's folder, below a folder that other charts of the test are in."""

    def make(name: str, version: str = "1.2.3", *, below: Path | None = None, **files: str) -> Path:
        folder = (below or tmp_path / "charts") / name
        (folder / "templates").mkdir(parents=True)
        folder.joinpath("Chart.yaml").write_text(
            f"apiVersion: v2\nname: {name}\nversion: {version}\n", encoding="utf-8"
        )
        folder.joinpath("values.yaml").write_text("replicas: 1\n", encoding="utf-8")
        for path, text in files.items():
            folder.joinpath(path.replace("__", "/").replace("_", ".")).write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.fixture
def archive(chart: Charts, tmp_path: Path) -> Charts:
    """Makes an archive as a publisher does, by `helm package`."""

    def make(name: str, version: str = "1.2.3") -> Path:
        folder = chart(name, version, below=tmp_path / f"published-{version}")
        subprocess.run(["helm", "package", folder, "--destination", tmp_path], check=True, capture_output=True)
        return tmp_path / f"{name}-{version}.tgz"

    return make


@dataclass(frozen=True)
class Releases:
    """A folder of releases."""

    folder: Path

    def write(self, name: str = "2026.11", **sections: Mapping[str, Any]) -> Path:
        """A release with some charts, crds and images; an entry that is text is its whole YAML."""
        lines = ["# What this release is.", f'release: "{name}"']
        for section in ("charts", "crds", "images"):
            entries = sections.get(section, {})
            lines.append(f"{section}:" if entries else f"{section}: {{}}")
            for key, entry in entries.items():
                lines += [
                    f"  {key}:  # why it is there",
                    *(f"    {part}: {json.dumps(one)}" for part, one in entry.items()),
                ]
        path = self.folder / f"{name}.yaml"
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return path


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    """An empty folder of releases in place of the project's."""
    folder = tmp_path / "releases"
    folder.mkdir()
    monkeypatch.setattr(release, "RELEASES", folder)
    return Releases(folder)


@dataclass
class Registry:
    """A real OCI registry on this machine."""

    address: str

    @property
    def charts(self) -> str:
        """The repository of charts."""
        return f"oci://{self.address}/charts"

    def push(self, archive: Path) -> str:
        """Publish a chart; the archive's digest."""
        subprocess.run(["helm", "push", "--plain-http", archive, self.charts], check=True, capture_output=True)
        return digest_of(archive.read_bytes())

    def push_image(self, name: str, tag: str, content: Path) -> str:
        """Publish an image of one layer; its digest."""
        tar = shutil.make_archive(str(content.with_suffix("")), "tar", content.parent, content.name)
        image = f"{self.address}/{name}:{tag}"
        subprocess.run(["crane", "append", "-f", tar, "-t", image], check=True, capture_output=True)
        said = subprocess.run(["crane", "digest", image], check=True, capture_output=True, text=True)
        return said.stdout.strip()


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry without charts."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [requirements.crane(), "registry", "serve", "--address", address]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(address)
            yield Registry(address)
        finally:
            process.kill()


def _wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(200):
        with socket() as attempt:
            if attempt.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"no registry at {address}")


@dataclass(frozen=True)
class Fault:
    """What a server does in place of giving a file."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    seconds: float = 0
    cut_off: bool = False


@dataclass
class Repository:
    """A stand-in for a classic repository of charts, and for a server of files; it fails as it is told.

    Attributes:
        url: Its address.
        files: By path.
        faults: By path, one for each request until there are no more.
        asked: Method, path and time of each request.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    asked: list[tuple[str, str, float]] = field(default_factory=list)

    def publish(self, archive: Path) -> str:
        """Publish a chart; the archive's digest."""
        self.files[f"/{archive.name}"] = archive.read_bytes()
        entries: dict[str, Any] = {}
        for path in self.files:
            name, _, version = path.removeprefix("/").removesuffix(".tgz").rpartition("-")
            entry = {"apiVersion": "v2", "name": name, "version": version, "urls": [path.removeprefix("/")]}
            if path.endswith(".tgz"):
                entries.setdefault(name, []).append(entry)
        self.files["/index.yaml"] = json.dumps({"apiVersion": "v1", "entries": entries}).encode()
        return digest_of(self.files[f"/{archive.name}"])

    def requests(self, path: str, method: str = "GET") -> list[float]:
        """When a path was asked for."""
        return [at for verb, one, at in self.asked if (verb, one) == (method, path)]


@pytest.fixture
def repository() -> Iterator[Repository]:
    """A repository without charts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.command, self.path, time.monotonic()))
            faults = made.faults.get(self.path)
            fault = faults.pop(0) if faults else None
            known = self.path in made.files
            answer = fault or Fault(200 if known else 404, content=made.files.get(self.path, b"no such file"))
            time.sleep(answer.seconds)
            content = answer.content
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content) + (1000 if answer.cut_off else 0)))
            for key, value in answer.headers.items():
                self.send_header(key, value)
            with suppress(ConnectionError):  # whoever asked has gone
                self.end_headers()
                self.wfile.write(content if self.command == "GET" else b"")

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Repository(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def program_with(releases: Releases, folder: Path) -> Path:
    """The program with other releases, in a folder; for runs in a process of their own."""
    folder.mkdir()
    shutil.copytree(PROJECT / "config", folder / "config")
    (folder / "releases").symlink_to(releases.folder)
    for name in ("components", "kuber"):
        (folder / name).symlink_to(PROJECT / name)
    return folder
