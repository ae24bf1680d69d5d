"""A stand-in for a cluster's API server: CustomResourceDefinitions over HTTPS, for one token, and what goes wrong on request.

No Kubernetes is behind it. What it does with CRDs is what kube-apiserver was seen to do with them.
"""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import subprocess
import threading
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from clusters.kubeconfig import kubeconfig_document
from tests.requirements import missing

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Answer = tuple[int, dict[str, str], dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    content_type: str
    body: Any


class StandInApiServer:
    """Answers on a port of this machine from its making until `stop`.

    Attributes:
        crds: CRDs by name, as they are in the cluster.
        objects: Objects by the plural of their kind, `namespace/name`.
        asked: All requests that had the token.
        tokens: Tokens that are good.
        unwanted_names: CRDs whose names aren't accepted, with what is said of it.
        polls_until_established: How often a CRD is read before it is established; None for never.
        next_answers: Given to the next requests, whatever they ask: status, headers and text.
    """

    def __init__(self, folder: Path, *, port: int = 0, client_certificates: bool = False) -> None:
        self.certificate, self.key = _certificate(folder)
        self.crds: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, list[str]] = {}
        self.asked: list[Asked] = []
        self.tokens = {"token-1"}
        self.unwanted_names: dict[str, str] = {}
        self.polls_until_established: int | None = 1
        self.next_answers: list[tuple[int, dict[str, str], str]] = []
        self._polls: dict[str, int] = {}
        self._changes = 0
        self._lock = threading.Lock()
        self._client_certificates = client_certificates
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if client_certificates:
            context.load_verify_locations(self.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=partial(self._server.serve_forever, poll_interval=0.01), daemon=True).start()

    def stop(self) -> None:
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()

    def kubeconfig(self, command: Path | str, install_hint: str = "") -> str:
        """A kubeconfig that leads here, with credentials by a command."""
        authority = base64.b64encode(self.certificate.read_bytes()).decode()
        return json.dumps(
            kubeconfig_document(
                cluster="stand-in",
                server=self.url,
                certificate_authority_data=authority,
                command=str(command),
                install_hint=install_hint,
            )
        )

    def applied(self) -> list[str]:
        """Names of the CRDs that were applied, in order."""
        return [one.path.rpartition("/")[2] for one in self.asked if one.method == "PATCH"]

    def has(self, definition: dict[str, Any], **status: Any) -> None:
        """Hold a CRD that somebody else brought, established long ago."""
        name = definition["metadata"]["name"]
        self._put(name, deepcopy(definition))
        self._polls[name] = 1000
        self.crds[name]["status"].update(status)

    def _put(self, name: str, definition: dict[str, Any]) -> None:
        self._changes += 1
        old = self.crds.get(name, {"metadata": {"uid": f"uid-{self._changes}"}, "status": {}})
        storage = next(one["name"] for one in definition["spec"]["versions"] if one["storage"])
        stored = old["status"].get("storedVersions", [])
        definition["metadata"] |= {"uid": old["metadata"]["uid"], "resourceVersion": str(self._changes)}
        definition["status"] = {"storedVersions": [*stored, *({storage} - {*stored})], "conditions": []}
        self.crds[name] = definition

    def _answer(self, asked: Asked) -> Answer:
        with self._lock:
            if asked.path.startswith(CRDS):
                return self._answer_crd(asked, asked.path.removeprefix(CRDS).strip("/"))
            return self._answer_objects(asked)

    def _answer_crd(self, asked: Asked, name: str) -> Answer:
        if asked.method == "PATCH":
            return self._apply(asked, name)
        if name not in self.crds:
            return _refused(404, f'customresourcedefinitions.apiextensions.k8s.io "{name}" not found')
        if asked.method == "DELETE":
            seen = self.crds[name]["metadata"]
            if asked.body["preconditions"] != {"uid": seen["uid"], "resourceVersion": seen["resourceVersion"]}:
                return _refused(409, "the object has been modified")
            return 200, {}, self.crds.pop(name)
        self._polls[name] = self._polls.get(name, 0) + 1
        return 200, {}, self._seen(name)

    def _apply(self, asked: Asked, name: str) -> Answer:
        if asked.content_type != "application/apply-patch+yaml":
            return _refused(415, f"{asked.content_type} isn't server-side apply")
        if asked.query.get("fieldManager") != ["kuber"] or asked.query.get("force") != ["true"]:
            return _refused(409, "Apply failed with 1 conflict: conflict with kubectl")
        lost = {*self.crds.get(name, {"status": {}})["status"].get("storedVersions", ())} - {
            one["name"] for one in asked.body["spec"]["versions"]
        }
        if lost:
            return _refused(422, f"status.storedVersions[0]: Invalid value: {lost}: must appear in spec.versions")
        self._polls[name] = 0
        self._put(name, deepcopy(asked.body))
        return 200, {}, self._seen(name)

    def _seen(self, name: str) -> dict[str, Any]:
        """A CRD with its conditions as they are by now."""
        crd = deepcopy(self.crds[name])
        if name in self.unwanted_names:
            said = {"reason": "ListKindConflict", "message": self.unwanted_names[name]}
            crd["status"]["conditions"] = [
                {"type": "NamesAccepted", "status": "False", **said},
                {
                    "type": "Established",
                    "status": "False",
                    "reason": "NotAccepted",
                    "message": "not all names are accepted",
                },
            ]
        elif self.polls_until_established is not None and self._polls.get(name, 0) >= self.polls_until_established:
            crd["status"]["conditions"] = [{"type": one, "status": "True"} for one in ("NamesAccepted", "Established")]
        return crd

    def _answer_objects(self, asked: Asked) -> Answer:
        plural = asked.path.rpartition("/")[2]
        places = [one.split("/") for one in self.objects.get(plural, ())]
        items = [{"metadata": dict(zip(("namespace", "name"), at, strict=True))} for at in places]
        return 200, {}, {"kind": "List", "items": items[: int(asked.query["limit"][0])]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                at = urlsplit(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                known = self.headers.get("Authorization") in {f"Bearer {token}" for token in api.tokens}
                if not known and not api._client_certificates:
                    self._write(*_refused(401, "Unauthorized"))
                    return
                asked = Asked(
                    method=self.command,
                    path=at.path,
                    query=parse_qs(at.query),
                    content_type=self.headers.get("Content-Type", ""),
                    body=json.loads(raw) if raw else None,
                )
                api.asked.append(asked)
                if api.next_answers:
                    status, headers, text = api.next_answers.pop(0)
                    self._write(status, headers, _refused(status, text)[2])
                else:
                    self._write(*api._answer(asked))

            def do_PATCH(self) -> None:
                self.do_GET()

            def do_DELETE(self) -> None:
                self.do_GET()

            def _write(self, status: int, headers: dict[str, str], body: dict[str, Any]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def credential_plugin(file: Path, *, token: str = "token-1", expires: str | None = None, then: str = "") -> Path:
    """A stand-in for `aws eks get-token` and its like; it writes down each run in `<file>.runs`.

    Args:
        file: Where it is.
        token: The token that it gives.
        expires: When that ends, as it says.
        then: Shell that runs before it answers.
    """
    status = {"token": token, **({"expirationTimestamp": expires} if expires else {})}
    return answering_plugin(file, status, then)


def answering_plugin(file: Path, status: dict[str, str], then: str = "") -> Path:
    """As `credential_plugin`, with any credentials."""
    credential = {"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": status}
    answer = file.with_suffix(".json")
    answer.write_text(json.dumps(credential), encoding="utf-8")
    file.write_text(f"#!/bin/sh\necho run >> '{file}.runs'\n{then}\ncat '{answer}'\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def runs(plugin: Path) -> int:
    """How often a plugin ran."""
    written = Path(f"{plugin}.runs")
    return len(written.read_text(encoding="utf-8").splitlines()) if written.exists() else 0


def _refused(status: int, message: str) -> Answer:
    return status, {}, {"kind": "Status", "status": "Failure", "message": message, "code": status}


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that is its own authority, for 127.0.0.1, and its key."""
    made = folder / "certificate.pem", folder / "key.pem"
    if made[0].exists():
        return made
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl", "install it: it makes the certificate of the stand-in for an API server")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", "key.pem", "-out", "certificate.pem", "-days", "2", "-subj", "/CN=stand-in"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return made
