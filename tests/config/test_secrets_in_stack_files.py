"""Nothing secret gets into a stack file, a plan or an error."""

from __future__ import annotations

import pytest

import config
from tests.support import METAL, TODAY, StackFile


def test_a_secret_where_text_belongs_is_refused() -> None:
    file = METAL.set("provisioner.exec.env", {"TOKEN": {"secure": "AAABAGc1WlqxyzPJ"}})
    assert file.error() == file.told(
        "TOKEN:",
        "provisioner.exec.env.TOKEN: an encrypted value has no place here",
        expected="a plain value: it stands in plans, and is nothing secret",
    )


def test_a_cluster_that_is_a_secret_as_a_whole_is_refused() -> None:
    file = StackFile("prod-eks", "config:\n  kuber:cluster:\n    secure: AAABAGc1WlqxyzPJ\n")
    assert "an encrypted value has no place here" in file.error()


def test_a_secret_is_shown_to_nobody() -> None:
    file = METAL.set("provisioner.server", {"secure": "AAABAGc1WlqxyzPJ"})
    value = METAL.value()
    value["provisioner"]["server"] = "hunter2"  # the engine has decrypted it
    with file.folder() as folder, pytest.raises(config.StackFileError) as caught:
        config.load("colo-london", value, folder, TODAY)
    assert "hunter2" not in str(caught.value)


KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("authority", [KEY, METAL.read().provisioner.certificate_authority + KEY])  # type: ignore[attr-defined]
def test_a_private_key_in_place_of_a_certificate_is_refused_and_not_shown(authority: str) -> None:
    error = METAL.set("provisioner.certificate_authority", authority).error()
    assert "provisioner.certificate_authority: not a certificate, or something beside it" in error
    assert "PRIVATE KEY" not in error and "MIIEvQ" not in error


def test_a_certificate_with_a_line_less_is_refused() -> None:
    lines = METAL.read().provisioner.certificate_authority.splitlines(keepends=True)  # type: ignore[attr-defined]
    file = METAL.set("provisioner.certificate_authority", "".join(lines[:3] + lines[4:]))
    assert "provisioner.certificate_authority: not a whole certificate" in file.error()


@pytest.mark.parametrize(("key", "value"), [("args", ["--client-secret=hunter2"]), ("env", {"API_TOKEN": "hunter2"})])
def test_a_credential_plugin_is_given_no_secret(key: str, value: object) -> None:
    error = METAL.set(f"provisioner.exec.{key}", value).error()
    assert "nothing secret goes into a stack file" in error and "hunter2" not in error


def test_options_of_a_credential_plugin_that_only_sound_secret_are_taken() -> None:
    args = ["get-token", "--token-cache-dir=/var/cache/kubelogin", "--oidc-use-access-token", "--private-network=true"]
    assert METAL.set("provisioner.exec.args", args).read()
