"""Logs in to Vault with the pipeline's identity token, and prints the token that Vault gives (Vault: JWT/OIDC auth method, API).

Environment: VAULT_ADDR, VAULT_ROLE, VAULT_ID_TOKEN; VAULT_AUTH_PATH, `jwt` unless given; VAULT_CACERT, VAULT_NAMESPACE as for Vault's
own command line. On GitHub, ACTIONS_ID_TOKEN_REQUEST_URL and …_TOKEN take the place of the third: a job asks for its identity tokens.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from functools import reduce
from operator import getitem
from typing import Any

from urllib3.exceptions import HTTPError

from config.errors import printable
from kuber.review.forges import ForgeError
from kuber.review.forges.addresses import api_address, pool_for

AUDIENCE = "kuber-vault"
"""What the token is for: `bound_audiences` of the role."""


class LoginError(Exception):
    """There is no token; the text says why, and has no secret in it."""


def vault_token() -> str:
    """A token of Vault.

    Raises:
        LoginError: a setting is missing, or a server said no.
        ForgeError: VAULT_ADDR is no address to which a token may be sent, or VAULT_CACERT can't be read.
    """
    address, role = api_address("VAULT_ADDR", os.environ), _setting("VAULT_ROLE")
    path = os.environ.get("VAULT_AUTH_PATH") or "jwt"
    namespace = os.environ.get("VAULT_NAMESPACE")
    return _asked(
        "POST",
        f"{address}/v1/auth/{path}/login",
        {"X-Vault-Namespace": namespace} if namespace else {},
        {"role": role, "jwt": os.environ.get("VAULT_ID_TOKEN") or _token_of_github()},
        at=("auth", "client_token"),
    )


def _token_of_github() -> str:
    url, token = (_setting(f"ACTIONS_ID_TOKEN_REQUEST_{one}") for one in ("URL", "TOKEN"))
    return _asked("GET", f"{url}&audience={AUDIENCE}", {"Authorization": f"Bearer {token}"}, at=("value",))


def _asked(method: str, url: str, headers: dict[str, str], document: Any = None, *, at: Sequence[str]) -> str:
    """What stands at a path in a server's answer. What it says of a refusal is told, what it was sent isn't."""
    where = f"{method} {url.partition('?')[0]}"
    pool = pool_for(url, os.environ, authority=os.environ.get("VAULT_CACERT", ""))
    try:
        answer = pool.request(method, url, headers=headers, json=document, timeout=30.0, redirect=False)
    except HTTPError as error:
        raise LoginError(f"{where}: no answer: {type(error).__name__}") from None
    except ValueError:  # its text would hold the header
        raise LoginError(
            f"{where}: a setting can't be sent: a header has no line breaks or control characters"
        ) from None
    if answer.status != 200:
        said = printable(_without(os.environ.get("VAULT_ID_TOKEN", ""), answer.data.decode(errors="replace"))[:300])
        raise LoginError(f"{where}: {answer.status}\n    found:    {said}\n    expected: a token for the role")
    try:
        return str(reduce(getitem, at, json.loads(answer.data)))
    except (ValueError, LookupError, TypeError):
        hint = "a proxy or a login page may have answered"
        raise LoginError(f"{where}: there is no {'.'.join(at)} in the answer\n    hint:     {hint}") from None


def _without(token: str, said: str) -> str:
    """What a server says, without the token that it may have repeated."""
    return said.replace(token, "[secret]") if token else said


def _setting(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise LoginError(f"{name} is not set\n    hint:     docs/pipelines.md has the settings of each pipeline")
    return value


def main() -> int:
    """The exit code."""
    try:
        print(vault_token())
    except (LoginError, ForgeError) as error:
        print(f"no token of Vault: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
