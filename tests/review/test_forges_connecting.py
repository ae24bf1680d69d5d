"""The way to a forge: its certificate, and the proxy of the environment."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from urllib3 import ProxyManager

from kuber.rehearsal.control_plane.certificates import Authority
from kuber.review.forges import ForgeError
from kuber.review.forges.addresses import pool_for
from tests.review.forge_stand_in import TOKEN, Time, listening, posted
from tests.review.github_stand_in import GitHubStandIn
from tests.review.gitlab_stand_in import GitLabStandIn

_HOST = "git.example.com"  # which isn't asked: only the proxy leads there


class Proxy:
    """A stand-in for a company's proxy: it leads each tunnel to one port of this machine.

    Attributes:
        url: Its own.
        tunnels: Where to each was asked for, and with which headers.
    """

    def __init__(self, password: str = "") -> None:
        self.url = ""
        self.tunnels: list[tuple[str, dict[str, str]]] = []
        self._password = password

    @contextmanager
    def leading_to(self, port: int) -> Iterator[Proxy]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                proxy.tunnels.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                if self.headers.get("Proxy-Authorization", "") != proxy._password:
                    self.send_error(407)
                    return
                self.send_response_only(200)
                self.end_headers()
                with socket.create_connection(("127.0.0.1", port)) as target:
                    back = threading.Thread(target=_pass_on, args=(target, self.connection), daemon=True)
                    back.start()
                    _pass_on(self.connection, target)
                    back.join()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: pytest's output is for tests."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            yield self
            server.shutdown()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Everything that comes from one side, to the other, until it ends."""
    try:
        while data := one.recv(65_536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, tuple[Path, Path]]:
    """The file of an authority that no machine knows, and its certificate for the forge with the key."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority("the authority of a company")
    file = folder / "authority.crt"
    file.write_bytes(authority.certificate)
    return str(file), authority.issue("forge", names=(_HOST, "127.0.0.1")).write(folder, "forge")


@pytest.fixture
def gitlab(certificates: tuple[str, tuple[Path, Path]]) -> Iterator[GitLabStandIn]:
    with listening(GitLabStandIn(), certificates[1]) as stand_in:
        yield stand_in


@pytest.fixture
def proxied(gitlab: GitLabStandIn, certificates: tuple[str, tuple[Path, Path]]) -> dict[str, str]:
    """The environment of a job that knows the forge by a name that leads nowhere from this machine."""
    return {"CI_API_V4_URL": f"https://{_HOST}/api/v4", "CI_SERVER_TLS_CA_FILE": certificates[0]}


def _basic(password: str) -> str:
    """What jane's password is sent as (RFC 7617)."""
    return f"Basic {b64encode(f'jane:{password}'.encode()).decode()}"


def _port(stand_in: GitLabStandIn) -> int:
    return int(stand_in.url.rpartition(":")[2])


def test_a_forge_whose_certificate_nobody_vouches_for_never_sees_the_token(gitlab: GitLabStandIn) -> None:
    time = Time()
    with pytest.raises(ForgeError, match=r"(?s)GitLab isn't trusted: its certificate can't be verified.*SSL_CERT_FILE"):
        posted(gitlab, time=time)
    assert gitlab.seen == []
    assert time.slept == []  # it won't be any better in a minute


def test_the_authority_that_the_runner_names_is_trusted(
    gitlab: GitLabStandIn, certificates: tuple[str, tuple[Path, Path]]
) -> None:
    posted(gitlab, given={"CI_SERVER_TLS_CA_FILE": certificates[0]})
    assert len(gitlab.comments) == 1


def test_the_authority_that_ssl_cert_file_names_is_trusted(
    certificates: tuple[str, tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificates[0])
    with listening(GitHubStandIn(), certificates[1]) as github:
        posted(github)
    assert len(github.comments) == 1


def test_a_certificate_of_another_name_is_not_trusted(
    gitlab: GitLabStandIn, certificates: tuple[str, tuple[Path, Path]]
) -> None:
    elsewhere = gitlab.url.replace("127.0.0.1", "localhost")
    with pytest.raises(ForgeError, match=r"(?s)isn't trusted.*localhost"):
        posted(gitlab, given={"CI_API_V4_URL": f"{elsewhere}/api/v4", "CI_SERVER_TLS_CA_FILE": certificates[0]})
    assert gitlab.seen == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_read_is_told(gitlab: GitLabStandIn, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "authority.crt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(
        ForgeError, match=r"(?s)the certificates of the server's authority can't be read.*authority\.crt"
    ):
        posted(gitlab, given={"CI_SERVER_TLS_CA_FILE": str(file)})


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_forge_is_reached_through_the_proxy_which_never_sees_the_token(
    gitlab: GitLabStandIn, proxied: dict[str, str], variable: str
) -> None:
    with Proxy().leading_to(_port(gitlab)) as proxy:
        posted(gitlab, given={**proxied, variable: proxy.url, "no_proxy": "localhost,.example.org"})
    assert len(gitlab.comments) == 1
    assert {target for target, _ in proxy.tunnels} == {f"{_HOST}:443"}
    assert TOKEN not in str(proxy.tunnels)


@pytest.mark.parametrize("password", ["hunter2", "hunter%32", "hu/nt@er?2#"])
def test_a_proxy_gets_the_name_and_the_password_that_its_address_has(
    gitlab: GitLabStandIn, proxied: dict[str, str], password: str
) -> None:
    with Proxy(password=_basic(unquote(password))).leading_to(_port(gitlab)) as proxy:
        posted(gitlab, given={**proxied, "https_proxy": proxy.url.replace("//", f"//jane:{password}@")})
    assert len(gitlab.comments) == 1
    assert "proxy-authorization" not in gitlab.seen[0].headers


def test_a_proxy_that_says_no_is_told_without_its_password(gitlab: GitLabStandIn, proxied: dict[str, str]) -> None:
    with (
        Proxy(password=_basic("hunter2")).leading_to(_port(gitlab)) as proxy,
        pytest.raises(ForgeError, match=r"(?s)GitLab doesn't answer.*407") as raised,
    ):
        posted(gitlab, given={**proxied, "https_proxy": proxy.url.replace("//", "//jane:wrong-password@")})
    assert "wrong-password" not in str(raised.value)
    assert gitlab.seen == []


@pytest.mark.parametrize(
    ("names", "reached_by_proxy"),
    [
        ("git.example.com", False),
        ("GIT.example.com", False),
        (".example.com", False),
        ("*.example.com", False),
        ("localhost, example.com", False),
        ("localhost example.com", False),
        ("*", False),
        ("", True),
        ("ample.com", True),
        ("git.example.com.org, other.git.example.com", True),
    ],
)
def test_what_no_proxy_names_is_reached_without_one(names: str, reached_by_proxy: bool) -> None:
    environment = {"https_proxy": "http://proxy.example.com:3128", "NO_PROXY": names}
    assert isinstance(pool_for(f"https://{_HOST}", environment), ProxyManager) == reached_by_proxy


def test_a_forge_on_this_machine_is_reached_without_a_proxy() -> None:
    with listening(GitLabStandIn()) as gitlab, Proxy().leading_to(_port(gitlab)) as proxy:
        posted(gitlab, given={"http_proxy": proxy.url, "all_proxy": proxy.url})
    assert len(gitlab.comments) == 1
    assert proxy.tunnels == []


@pytest.mark.parametrize(
    "address", ["socks5://proxy.example.com:1080", "http://proxy.example.com:port", "http://[", "http://:3128"]
)
def test_a_proxy_of_another_kind_is_told_without_its_address(gitlab: GitLabStandIn, address: str) -> None:
    secret = address.replace("//", "//jane:hunter2@")
    with pytest.raises(
        ForgeError, match=r"(?s)the proxy of the environment can't be used.*only HTTP proxies"
    ) as raised:
        posted(gitlab, given={"CI_API_V4_URL": f"https://{_HOST}/api/v4", "https_proxy": secret})
    assert "hunter2" not in str(raised.value)
