"""Stand-ins for the commands by which kubeconfigs get a token."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from kuber.rehearsal.cloud.endpoint import Endpoint

COMMANDS = ("aws", "gke-gcloud-auth-plugin", "kubelogin")

_VERSION = "client.authentication.k8s.io/v1beta1"
_TOKEN_FILE = ".token"

_PROGRAM = """\
#!/bin/sh
# kuber's stand-in for {command}: prints an ExecCredential with the token of the simulated cluster, whatever it is asked for.
exec {python} -I -S - <<'END'
import json, os
try:
    asked = json.loads(os.environ.get("KUBERNETES_EXEC_INFO") or "{{}}")
except ValueError:
    asked = {{}}
with open({token!r}, encoding="utf-8") as token:
    status = {{"token": token.read()}}
answer = {{"kind": "ExecCredential", "apiVersion": asked.get("apiVersion") or {version!r}, "spec": {{}}, "status": status}}
print(json.dumps(answer))
END
"""


def credential_plugins(folder: Path, endpoint: Endpoint) -> None:
    """Write stand-ins for `aws`, `gke-gcloud-auth-plugin` and `kubelogin` into a folder that is to be first in PATH.

    Each prints a credential as the Kubernetes documentation has it ("Authenticating", client-go credential plugins), in the version
    that it is asked for. The token lies beside them in a file for the user's eyes alone: in the arguments of a command everybody
    could read it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / _TOKEN_FILE
    token.touch(mode=0o600)
    token.chmod(0o600)
    token.write_text(endpoint.token, encoding="utf-8")
    for command in COMMANDS:
        file = folder / command
        program = _PROGRAM.format(
            command=command, python=shlex.quote(sys.executable), token=str(token), version=_VERSION
        )
        file.write_text(program, encoding="utf-8")
        file.chmod(0o755)
