"""What looks like a secret in a plan is never seen, wherever it stands; what is none stays to be read."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kuber.plan.fingerprints import Fingerprints
from kuber.plan.registration import SECRET, UNKNOWN
from kuber.review.redaction import redacted, redacted_text
from tests.plans import plan as plan_of
from tests.support import SHIPPED, StackFile

MASK = Fingerprints(b"a key of tests, 32 bytes long ...").mask

ANY = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=10, max_size=40)
"""Whatever a person or a program makes up, without spaces."""
PRINTABLE = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=10, max_size=40)
PHRASES = st.lists(st.text(string.ascii_letters + string.digits, min_size=3), min_size=3, max_size=5).map(" ".join)
TOKENS = st.text(string.ascii_letters + string.digits + "._~+/-", min_size=16, max_size=60)

Place = Callable[[str], Any]
"""Gives the inputs of a resource with a secret in them."""


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config_map(text: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"settings": text}}


def container(**fields: Any) -> dict[str, Any]:
    return {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "web", **fields}]}}}}


def in_lines(text: str) -> str:
    """As tools wrap base64."""
    return "\n".join(text[at : at + 76] for at in range(0, len(text), 76))


IN_STRUCTURES: Mapping[str, Place] = {
    "a variable": lambda one: container(env=[{"name": "DB_PASSWORD", "value": one}]),
    "a variable in one word": lambda one: container(env=[{"name": "PGPASSWORD", "value": one}]),
    "a variable of a key": lambda one: container(env=[{"name": "AWS_SECRET_ACCESS_KEY", "value": one}]),
    "the word after an option": lambda one: container(args=["--verbose", "--admin-password", one, "--quiet"]),
    "a Secret's data": lambda one: {"kind": "Secret", "data": {"any": encoded(one)}},
    "a Secret's texts": lambda one: {"kind": "Secret", "stringData": {"any": one}},
    "a Secret in a list": lambda one: {"kind": "List", "items": [{"kind": "Secret", "stringData": {"any": one}}]},
    "a property": lambda one: {"settings": {"adminPassword": one}},
    "a list of passwords": lambda one: {"settings": {"passwords": [one]}},
    "JSON in a text": lambda one: config_map(json.dumps({"database": {"password": one}}, indent=2)),
    "JSON in JSON": lambda one: config_map(json.dumps({"inner": json.dumps({"token": one})})),
    "a variable in JSON": lambda one: config_map(json.dumps([{"name": "API_KEY", "value": one}])),
    "base64 of JSON": lambda one: config_map(f"settings: {encoded(json.dumps({'password': one}))}"),
    "base64 of base64": lambda one: config_map(encoded(encoded(json.dumps({"password": one})))),
    "base64 in lines": lambda one: config_map(in_lines(encoded("x" * 100 + json.dumps({"password": one})))),
    "base64 after a path": lambda one: {"header": f"prefix/a/{encoded(json.dumps({'password': one}))}"},
    "a registry's client": lambda one: config_map(json.dumps({"auths": {"r": {"auth": encoded(f"me:{one}")}}})),
    "a header": lambda one: {"httpHeaders": [{"name": "Authorization", "value": f"Basic {encoded(f'me:{one}')}"}]},
}
IN_LINES: Mapping[str, Place] = {
    "a line of settings": lambda one: config_map(f"[database]\nuser = me\npassword = {one}\nhost = there\n"),
    "a variable's line": lambda one: config_map(f"USER=me\nexport DB_PASSWORD={one}\n"),
    "an option": lambda one: container(args=[f"--client-secret={one}"]),
    "an option among others": lambda one: container(command=["sh", "-c", f"exec web --api-token={one} --verbose"]),
    "XML-like": lambda one: config_map(f"<a>\n <b>x</b>\n</a>\npasswd: {one}\n"),
}
IN_QUOTES: Mapping[str, Place] = {
    "YAML": lambda one: config_map(f"a: 1\nsmtp:\n  auth_password: {json.dumps(one)}\n  port: 25\n"),
    "YAML with other quotes": lambda one: config_map("password: '{}'\nport: 25".format(one.replace("'", "''"))),
    "YAML in a block": lambda one: config_map(f"smtp:\n  password: |-\n    {one}\n  port: 25\n"),
    "YAML of a variable": lambda one: config_map(f"env:\n- name: DB_PASSWORD\n  value: {json.dumps(one)}\n"),
    "YAML of a Secret": lambda one: config_map(f"kind: Secret\nmetadata:\n  name: a\ndata:\n  x: {encoded(one)}\n"),
    "a quoted text in a script": lambda one: config_map('run "{}"'.format(json.dumps({"token": one})[1:-1])),
    "an escaped text in a script": lambda one: config_map(f"run {json.dumps(json.dumps({'token': one}))}"),
}
IN_URLS: Mapping[str, Place] = {
    "a URL": lambda one: container(
        env=[{"name": "DATABASE", "value": f"postgres://me:{quote(one, safe='')}@db:5432/a"}]
    ),
    "a URL without a user": lambda one: config_map(f"cache: redis://:{quote(one, safe='')}@cache/0\n"),
    "a URL in base64": lambda one: {"userData": encoded(f"#!/bin/sh\ncurl https://me:{quote(one, safe='')}@host/\n")},
    "a data source": lambda one: config_map(f"dsn: me:{quote(one, safe='')}@tcp(db:3306)/a\n"),
}
IN_HEADERS: Mapping[str, Place] = {
    "a bearer token": lambda one: {"headers": {"Authorization": f"Bearer {one}"}},
    "a bearer token alone": lambda one: container(env=[{"name": "HEADER", "value": f"Bearer {one}"}]),
    "a header in a script": lambda one: config_map(f'curl -H "Authorization: Bearer {one}" https://host/'),
    "a header of a web server": lambda one: config_map(f'proxy_set_header Authorization "Bearer {one}";'),
    "a key": lambda one: config_map(f"-----BEGIN RSA PRIVATE KEY-----\n{one}\n-----END RSA PRIVATE KEY-----\n"),
    "a key in base64": lambda one: config_map(
        "client-key-data: " + encoded(f"-----BEGIN PRIVATE KEY-----\n{one}\n-----END PRIVATE KEY-----\n")
    ),
    "a key in JSON": lambda one: config_map(
        json.dumps({"private_key": f"-----BEGIN PRIVATE KEY-----\n{one}\n-----END PRIVATE KEY-----\n"})
    ),
}


def plan(inputs: Any) -> dict[str, Any]:
    return {"stack": "prod", "resources": [{"urn": "urn:a", "inputs": inputs}], "outputs": {}}


def shown(inputs: Any) -> Any:
    return redacted(plan(inputs), MASK)["resources"][0]["inputs"]


def texts(value: Any) -> Iterator[str]:
    """All texts of a value, those within JSON and base64 too."""
    if isinstance(value, str):
        yield value
        for read in (json.loads, lambda text: base64.b64decode(text, validate=True).decode()):
            try:
                within = read(value)
            except ValueError:
                continue
            if within != value and not isinstance(within, (int, float)):
                yield from texts(within)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (key, *texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def forms(secret: str) -> set[str]:
    """A secret as it may be written."""
    return {secret, json.dumps(secret)[1:-1], encoded(secret).rstrip("="), quote(secret, safe="")}


def check(place: Place, secret: str, other: str) -> None:
    """That a secret isn't seen, and is seen to be another."""
    assume(secret != other and not secret.startswith(("$", "{{", "<", "[secret", "*", "/")))
    told = "\n".join(texts(shown(place(secret))))
    assert not [one for one in forms(secret) if one in told]
    assert shown(place(secret)) != shown(place(other))
    assert SECRET.removesuffix("]") in told


@pytest.mark.parametrize("place", IN_STRUCTURES.values(), ids=IN_STRUCTURES)
@given(secret=ANY | PHRASES, other=ANY)
@settings(max_examples=40, deadline=None)
def test_a_secret_in_a_structure_is_only_seen_to_change(place: Place, secret: str, other: str) -> None:
    check(place, secret, other)


@pytest.mark.parametrize("place", IN_LINES.values(), ids=IN_LINES)
@given(secret=TOKENS, other=TOKENS)
@settings(max_examples=40, deadline=None)
def test_a_secret_in_a_line_of_a_text_is_only_seen_to_change(place: Place, secret: str, other: str) -> None:
    check(place, secret, other)


@pytest.mark.parametrize("place", IN_QUOTES.values(), ids=IN_QUOTES)
@given(secret=PRINTABLE | PHRASES, other=PRINTABLE)
@settings(max_examples=40, deadline=None)
def test_a_secret_in_quotes_is_only_seen_to_change(place: Place, secret: str, other: str) -> None:
    check(place, secret, other)


@pytest.mark.parametrize("place", IN_URLS.values(), ids=IN_URLS)
@given(secret=ANY, other=ANY)
@settings(max_examples=40, deadline=None)
def test_a_password_in_a_url_is_only_seen_to_change(place: Place, secret: str, other: str) -> None:
    check(place, secret, other)


@pytest.mark.parametrize("place", IN_HEADERS.values(), ids=IN_HEADERS)
@given(secret=TOKENS, other=TOKENS)
@settings(max_examples=40, deadline=None)
def test_a_token_in_a_header_and_a_key_are_only_seen_to_change(place: Place, secret: str, other: str) -> None:
    check(place, secret, other)


@pytest.mark.parametrize(
    "line", ["password = {}\nhost = there", "password: {}\nhost: there", "password={}\nhost=there"]
)
@given(secret=PHRASES)
@settings(max_examples=40, deadline=None)
def test_a_password_of_several_words_is_masked_to_the_end_of_its_line(line: str, secret: str) -> None:
    told = shown(config_map(line.format(secret)))["data"]["settings"]
    assert told == line.format(MASK(secret))


@pytest.mark.parametrize("password", ["p@ssword", "pass/word", "pass#word", "8080"])
def test_all_of_a_url_but_the_password_can_be_read(password: str) -> None:
    told = shown({"url": f"postgres://me:{password}@db:5432/orders?sslmode=require"})["url"]
    assert told == f"postgres://me:{MASK(password)}@db:5432/orders?sslmode=require"


def test_each_secret_of_a_text_is_masked_and_the_rest_can_be_read() -> None:
    text = (
        "a: postgres://me:one-secret@db/x\nclient_secret: two-secret\n"
        "b:\n  token: |\n    three\n\n    secrets\n  c: 1\npassword: 'four'\n"
    )
    masks = [MASK(one) for one in ("one-secret", "two-secret", "three\n\n    secrets", "four")]
    assert shown(config_map(text))["data"]["settings"] == (
        "a: postgres://me:{}@db/x\nclient_secret: {}\nb:\n  token: |\n    {}\n  c: 1\npassword: '{}'\n".format(*masks)
    )


@pytest.mark.parametrize(
    "token",
    [
        "ghp_" + "a1B2" * 9,
        "glpat-" + "a1B2" * 5,
        "hvs." + "a1B2" * 6,
        "xoxb-123456789012-" + "a1B2" * 6,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl",
        "$2y$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVabcdefghi",
    ],
)
def test_a_token_that_is_known_by_its_form_and_a_hash_of_a_password_are_masked_anywhere(token: str) -> None:
    told = shown({"args": ["--anything", token], "text": f"see {token}, and more"})
    assert told == {"args": ["--anything", MASK(token)], "text": f"see {MASK(token)}, and more"}


def test_equal_secrets_have_equal_masks_wherever_they_stand() -> None:
    told = shown({"password": "hunter2", "url": "https://me:hunter2@host", "text": "password=hunter2"})
    mask = MASK("hunter2")
    assert told == {"password": mask, "url": f"https://me:{mask}@host", "text": f"password={mask}"}


@pytest.mark.parametrize(
    "value",
    [
        *("", "true", "null", UNKNOWN, SECRET, "[secret 0123456789ab]"),
        *("$(DB_PASSWORD)", "${DB_PASSWORD}", "$DB_PASSWORD", "{{ .Values.password }}", "<password>"),
    ],
)
def test_what_is_empty_or_only_says_where_a_secret_is_found_stays(value: str) -> None:
    inputs = {
        "password": value,
        "env": [{"name": "DB_PASSWORD", "value": value}],
        "args": ["--password", value],
        "text": f"user: me\npassword: {value}\nhost: there",
        "quoted": f'password: "{value}"',
        "url": f"https://me:{value}@host" if value.startswith("$") else "",
    }
    assert shown(inputs) == inputs


ORDINARY: Mapping[str, Any] = {
    "an image": "registry.example:5000/team/web:v1.2.3@sha256:" + "0a1b2c3d" * 8,
    "an artifact": "oci://registry.example:5000/charts/web@sha256:" + "0a1b2c3d" * 8,
    "a checksum": {"checksum/secret": "0a1b2c3d" * 8, "checksum/config": "9f" * 32},
    "ranges": ["10.0.0.0/8", "2001:db8::/32"],
    "a URL": "https://prometheus.example:9090/graph?g0.expr=up@1700000000",
    "a URL with a user": "ssh://git@host/repository.git",
    "members": ["user:jane@shop.example", "serviceAccount:web@shop-prod.iam.gserviceaccount.com", "mailto:a@b.example"],
    "where a Secret is": {"secretName": "web-tls", "secretKeyRef": {"name": "web", "key": "password"}},
    "where a token is": {"tokenPath": "/var/run/token", "bearerTokenFile": "/var/run/secrets/token", "path": "token"},
    "a token's volume": {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 3600}},
    "switches": {
        "automountServiceAccountToken": False,
        "httpTokens": "required",
        "tokenTtl": 1200,
        "disableToken": True,
    },
    "a switch in a text": "automountServiceAccountToken: false\nhttpTokens: required\n",
    "a structure in a text": "password:\n  secretKeyRef:\n    name: web\nprivateKey: {algorithm: ECDSA}\n",
    "options": ["--token-file=/var/run/token", "--wildcard-tls-secret=$(NAMESPACE)/default-tls", "--v=3"],
    "files in variables": [
        {"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/var/run/secrets/google/key.json"},
        {"name": "TOKEN_FILE", "value": "/var/run/token"},
        {"name": "SECRET_NAME", "value": "web"},
    ],
    "a variable from a Secret": {
        "name": "DB_PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "web", "key": "password"}},
    },
    "a role": "arn:aws:iam::210987654321:role/secretsmanager/platform-team",
    "a web server's way on": {"action": {"pass": "upstream-with-a-name"}, "text": "proxy_pass http://upstream;"},
    "authorization": {"authorization": "RBAC", "mode": "Basic authentication or bearer tokens are refused"},
    "a certificate": "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUe0\n-----END CERTIFICATE-----\n",
    "base64 of a certificate": encoded(
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUe0\n-----END CERTIFICATE-----\n"
    ),
    "base64 of settings": encoded("user: me\nhost: there\npasswordFile: /run/password\n"),
    "a policy": json.dumps({"Version": "2012-10-17", "Statement": [{"Action": ["secretsmanager:GetSecretValue"]}]}),
    "rules": "sum by (secret) (rate(token_requests_total{key!=''}[5m])) > 0",
    "a script": "token = `Bearer ${answer.access_token}`; error(`no token: ${e.message}`); const TOKEN = 'http://127.0.0.1:8083/';",
    "numbers": {"a": 1, "b": 2.5, "c": None, "d": [True]},
}


@pytest.mark.parametrize("value", ORDINARY.values(), ids=ORDINARY)
def test_what_is_no_secret_stays_as_it_is(value: Any) -> None:
    assert shown({"settings": value}) == {"settings": value}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_all_of_the_programs_own_plans_can_be_read(file: StackFile) -> None:
    resources = [vars(one) for one in plan_of(file).resources.values()]
    document = {"stack": file.stack, "resources": resources, "outputs": plan_of(file).outputs}
    assert redacted(document, MASK) == document


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("login to https://me:hunter2@host failed", "login to https://me:[secret]@host failed"),
        ("password=hunter2 is wrong", "password=[secret] is wrong"),
        ("found: unexpected token: '}'", "found: unexpected token: '}'"),
        ('the answer was {"token": "hunter2"}', 'the answer was {"token": "[secret]"}'),
        ("Authorization: Bearer abcdef: refused", "Authorization: Bearer [secret] refused"),
    ],
)
def test_what_was_said_is_told_without_the_secrets_in_it(said: str, shown: str) -> None:
    assert redacted_text(said, lambda _: SECRET) == shown


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
@settings(max_examples=200, deadline=None)
def test_masking_what_is_masked_changes_nothing_more(value: Any) -> None:
    once = shown({"value": value})
    assert shown(once) == once
