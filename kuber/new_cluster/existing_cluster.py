"""How a cluster that exists is reached: server, authority and credential plugin out of a kubeconfig. Never a secret."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from config.bare_metal import ExecPlugin, secrets_given
from config.errors import Problem, StackFileError, shown
from config.yaml_source import parse

from .errors import InputError

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_SECRETS = ("token", "tokenFile", "username", "password", "client-key", "client-key-data")
_CERTIFICATES = ("client-certificate", "client-certificate-data")
_CLUSTER_KEYS = ("server", "certificate-authority", "certificate-authority-data", "extensions")
_API_VERSIONS: tuple[str, ...] = get_args(ExecPlugin.model_fields["api_version"].annotation)


@dataclass(frozen=True)
class Plugin:
    """A credential plugin.

    Attributes:
        api_version: What it speaks.
        command: The command itself.
        args: Its arguments.
        env: Its environment.
    """

    api_version: str
    command: str
    args: list[str]
    env: dict[str, str]


@dataclass(frozen=True)
class ExistingCluster:
    """What a stack file's `provisioner` says.

    Attributes:
        server: Address of the API server.
        certificate_authority: PEM.
        plugin: Credential plugin.
    """

    server: str
    certificate_authority: str
    plugin: Plugin


def read_existing_cluster(path: Path, context: str) -> ExistingCluster:
    """What a context of a kubeconfig leads to.

    Raises:
        InputError: the file can't be read, has no such context, or the context's user has a secret instead of a plugin.
    """
    return _Kubeconfig(path).existing_cluster(context)


class _Kubeconfig:
    """A kubeconfig file (Kubernetes documentation, "kubeconfig (v1)")."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.document = parse(path.read_text(encoding="utf-8"), str(path)).value
        except OSError as error:
            raise self.error(f"can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise self.error("not text in UTF-8") from None
        except StackFileError as error:
            raise InputError(str(error)) from None
        if not isinstance(self.document, dict):
            raise self.error("not a kubeconfig", expected="clusters, users and contexts")

    def existing_cluster(self, context_name: str) -> ExistingCluster:
        context = self.named("context", context_name)
        cluster = self.named("cluster", str(context.get("cluster")))
        user_name = str(context.get("user"))
        plugin = self.plugin(self.named("user", user_name), user_name)
        for key in cluster:
            if key not in _CLUSTER_KEYS:
                raise self.error(f"the cluster of {context_name} has `{key}`, which has no place in a stack file")
        server = str(cluster.get("server", "")).rstrip("/")
        return ExistingCluster(server, self.authority(cluster, context_name), plugin)

    def named(self, kind: str, name: str) -> dict[str, Any]:
        """The entry of a name: clusters, users and contexts are lists of `{name, <kind>}`."""
        listed = self.document.get(f"{kind}s")
        entries = {
            str(one.get("name")): one.get(kind)
            for one in (listed if isinstance(listed, list) else ())
            if isinstance(one, dict)
        }
        entry = entries.get(name)
        if not isinstance(entry, dict):
            raise self.error(f"has no {kind} `{name}`", expected=f"one of {', '.join(entries) or '(there are none)'}")
        return entry

    def authority(self, cluster: Mapping[str, Any], context: str) -> str:
        """The certificates alone, whatever else stands beside them."""
        data, file = cluster.get("certificate-authority-data"), cluster.get("certificate-authority")
        try:
            if data:
                text = base64.b64decode(str(data), validate=True).decode()
            elif file:
                text = self.path.parent.joinpath(str(file)).read_text(encoding="utf-8")
            else:
                raise self.error(
                    f"the cluster of {context} has no certificate authority",
                    expected="certificate-authority-data, or the file as certificate-authority",
                    hint="without it nobody could tell that the API server is the right one",
                )
        except OSError as error:
            raise self.error(f"certificate-authority {file} can't be read: {error.strerror}") from None
        except (binascii.Error, ValueError):
            raise self.error("the certificate authority can't be read", expected="PEM, in base64 if inline") from None
        certificates = _CERTIFICATE.findall(text)
        if not certificates:
            raise self.error("the certificate authority holds no certificate", expected="-----BEGIN CERTIFICATE-----…")
        return "\n".join(certificates) + "\n"

    def plugin(self, user: Mapping[str, Any], name: str) -> Plugin:
        """The credential plugin of a user that has nothing else. Values aren't shown: they may be secret."""
        for key in user:
            if key in (*_SECRETS, *_CERTIFICATES):
                raise self.secret(f"the user `{name}` has a {key}")
        plugin = user.get("exec")
        others = [key for key in user if key != "exec"]
        if not isinstance(plugin, dict) or not plugin.get("command") or others:
            raise self.error(
                f"the user `{name}` is not logged in by a credential plugin alone",
                found=", ".join(user) or "no way to log in",
                expected="`exec` with a command that gets a token",
            )
        args = [str(arg) for arg in plugin.get("args") or ()]
        env = {str(one.get("name")): str(one.get("value")) for one in plugin.get("env") or () if isinstance(one, dict)}
        for _, word in secrets_given(args, env):
            raise self.secret(f"the credential plugin of `{name}` is given {word}")
        api_version = str(plugin.get("apiVersion", ""))
        if api_version not in _API_VERSIONS:
            raise self.error(
                f"the credential plugin of `{name}` has no apiVersion that kubectl speaks still",
                found=shown(api_version or None),
                expected=" or ".join(_API_VERSIONS),
                hint="a newer release of the plugin writes a newer one",
            )
        return Plugin(api_version, str(plugin["command"]), args, env)

    def secret(self, what: str) -> InputError:
        return self.error(
            f"{what}: nothing secret goes into a stack file",
            expected="a credential plugin (`exec`) that logs a person or machine in, such as kubelogin",
        )

    def error(
        self, message: str, *, found: str | None = None, expected: str | None = None, hint: str | None = None
    ) -> InputError:
        return InputError(Problem(message=message, found=found, expected=expected, hint=hint).text(str(self.path)))
