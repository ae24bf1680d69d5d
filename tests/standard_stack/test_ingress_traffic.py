"""What clients and services get from the ingress: a real NGINX as the controller's ConfigMap has it, and the default backend."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.standard_stack.ingress.errors import FOLDER
from tests.standard_stack.nginx_ingress_controller import Host, Nginx, controller, free_port, running, service
from tests.standard_stack.rendered import stack_of
from tests.support import EKS, GKE

_SETTINGS: dict[str, Any] = {
    "response_headers": {"X-Team": "platform", "X-XSS-Protection": None},
    "hsts": {"max_age_seconds": 31536000, "include_subdomains": True, "preload": True},
    "proxy": {"read_timeout_seconds": 1, "body_size_mib": 1},
    "error_pages": {
        "company": "Shop & Sons",
        "support_url": "https://help.shop.example",
        "except_hosts": ["api.shop.example"],
        "texts": {"503": {"title": "Back at noon", "message": "We are counting the stock."}},
    },
}


@dataclass(frozen=True)
class Site:
    """The ingress with its default backend, and a service behind it.

    Attributes:
        nginx: The ingress.
        backend: The default backend, asked without the ingress.
        log: The ingress's access log.
    """

    nginx: Nginx
    backend: Nginx
    log: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster whose stack file says what a company may say."""
    with _site(GKE.set("standard_stack.ingress", _SETTINGS), tmp_path_factory.mktemp("ingress")) as made:
        yield made


@contextlib.contextmanager
def _site(file: Any, folder: Path, *, with_backend: bool = True) -> Iterator[Site]:
    objects = stack_of(file)
    entries = objects.one("ConfigMap", "nginx-ingress-public")["data"]
    default_backend = objects.one("ConfigMap", "default-backend")["data"]
    port = free_port()
    replacing = {
        "default-backend.system-ingress.svc:8080": f"127.0.0.1:{port}",
        "/var/lib/nginx/kuber-errors.sock": f"{folder}/errors.sock",
    }
    with contextlib.ExitStack() as stack:
        if with_backend:
            stack.enter_context(_default_backend(default_backend, folder / "default-backend", port))
        own = stack.enter_context(service())
        hosts = [
            Host(name="shop.example", backend=own, tls=True),
            Host(name="plain.shop.example", backend=own),
            Host(name="api.shop.example", backend=own),
            Host(name="gone.shop.example", backend=free_port()),
            Host(name="part.shop.example", backend=own, path="/served/"),
            Host(
                name="patient.shop.example",
                backend=own,
                annotations={
                    "nginx.org/proxy-read-timeout": "10s",
                    "nginx.org/client-max-body-size": "4m",
                    "nginx.org/add-header": "X-Own: yes",
                },
            ),
            Host(
                name="unredirected.shop.example", backend=own, tls=True, annotations={"nginx.org/ssl-redirect": "false"}
            ),
        ]
        nginx = stack.enter_context(controller(entries, hosts, folder, replacing))
        yield Site(nginx=nginx, backend=Nginx(http=port, https=port), log=folder / "access.log")


@contextlib.contextmanager
def _default_backend(files: dict[str, str], folder: Path, port: int) -> Iterator[None]:
    """The default backend's own configuration and pages, as they are but for where they lie."""
    (folder / "pages").mkdir(parents=True)
    for name, text in files.items():
        (folder / "pages" / name).write_text(text)
    text = files["nginx.conf"].replace("worker_processes 1;", "user root; worker_processes 1;")
    replacing = {"/tmp/": f"{folder}/", FOLDER: str(folder / "pages"), "listen 8080": f"listen 127.0.0.1:{port}"}
    with running(text, folder, replacing, port):
        yield


_STANDARD = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Team": "platform",
}


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("plain.shop.example", "/", 200),
        ("plain.shop.example", "/status/404", 404),
        ("plain.shop.example", "/status/401", 401),
        ("gone.shop.example", "/", 502),
        ("part.shop.example", "/elsewhere", 404),
        ("shop.example", "/", 308),
    ],
)
def test_every_response_has_the_standard_headers_once(site: Site, host: str, path: str, status: int) -> None:
    response = site.nginx.get(path, host)
    assert response.status == status
    assert {name: response.headers.get_all(name) for name in _STANDARD} == {
        name: [value] for name, value in _STANDARD.items()
    }
    assert "X-XSS-Protection" not in response.headers, "the stack file drops it"


def test_without_other_settings_all_standard_headers_are_there(tmp_path: Path) -> None:
    with _site(GKE.set("standard_stack.ingress", {}), tmp_path) as plain:
        headers = plain.nginx.get("/", "plain.shop.example").headers
    assert headers["X-XSS-Protection"] == "0"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"


def test_a_service_may_say_itself_how_it_is_framed_but_not_whether_types_are_guessed(site: Site) -> None:
    headers = site.nginx.get("/framed", "plain.shop.example").headers
    assert headers.get_all("X-Frame-Options") == ["DENY"]
    assert headers.get_all("X-Content-Type-Options") == ["nosniff"]


def test_hsts_comes_over_tls_alone_and_once(site: Site) -> None:
    over_tls = site.nginx.get("/", "shop.example", tls=True)
    assert over_tls.headers.get_all("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains; preload"]
    assert "Strict-Transport-Security" not in site.nginx.get("/", "plain.shop.example").headers
    assert "Strict-Transport-Security" not in site.nginx.get("/", "unredirected.shop.example").headers


def test_internal_headers_of_a_service_stay_inside(site: Site) -> None:
    headers = site.nginx.get("/", "plain.shop.example").headers
    assert "X-Powered-By" not in headers
    assert "X-Internal-User" not in headers
    assert headers["Server"] == "nginx", "neither the service's software nor a version"


def test_what_services_trust_cannot_come_from_a_client(site: Site) -> None:
    forged = site.nginx.get(
        "/", "plain.shop.example", headers={"X-Internal-User": "root", "X-Internal-Roles": "admin", "X-Request-Id": "7"}
    )
    seen = json.loads(forged.body)
    assert seen["x-request-id"] == "7"
    assert not [name for name in seen if name.startswith("x-internal")]


def test_hosts_with_tls_are_redirected_and_the_others_are_served(site: Site) -> None:
    response = site.nginx.get("/basket?item=7", "shop.example")
    assert (response.status, response.headers["Location"]) == (
        308,
        f"https://shop.example:{site.nginx.https}/basket?item=7",
    )
    assert site.nginx.get("/", "plain.shop.example").status == 200
    assert site.nginx.get("/", "unredirected.shop.example").status == 200


@pytest.mark.parametrize(
    ("host", "path", "status", "title"),
    [
        ("plain.shop.example", "/status/404", 404, "Page not found"),
        ("plain.shop.example", "/status/500", 500, "Something went wrong"),
        ("plain.shop.example", "/status/503", 503, "Back at noon"),
        ("gone.shop.example", "/", 502, "Service not reachable"),
        ("plain.shop.example", "/slow/3", 504, "No answer in time"),
        ("part.shop.example", "/elsewhere", 404, "Page not found"),
    ],
)
def test_errors_become_the_standard_page_and_keep_their_status(
    site: Site, host: str, path: str, status: int, title: str
) -> None:
    page = site.nginx.get(path, host, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.status == status
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"<h1>{title}</h1>" in page.body
    assert "Shop &amp; Sons" in page.body
    assert 'href="https://help.shop.example"' in page.body
    data = site.nginx.get(path, host, headers={"Accept": "application/json"})
    assert data.status == status
    assert data.headers["Content-Type"] == "application/json"
    assert json.loads(data.body) == {
        "status": status,
        "title": title,
        "detail": json.loads(data.body)["detail"],
        "support": "https://help.shop.example",
    }


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json, text/plain, */*", "application/json"),
        ("application/problem+json", "application/json"),
        ("text/html, application/json;q=0.5", "text/html; charset=utf-8"),
        ("text/plain, application/json", "application/json"),
        ("*/*", "text/html; charset=utf-8"),
    ],
)
def test_who_accepts_json_gets_it_unless_html_comes_first(site: Site, accept: str, kind: str) -> None:
    assert (
        site.nginx.get("/status/404", "plain.shop.example", headers={"Accept": accept}).headers["Content-Type"] == kind
    )


def test_an_error_that_is_not_listed_passes_as_the_service_wrote_it(site: Site) -> None:
    response = site.nginx.get("/status/422", "plain.shop.example")
    assert (response.status, response.body) == (422, "the service's own words")


def test_an_api_keeps_its_own_errors(site: Site) -> None:
    response = site.nginx.get("/status/404", "api.shop.example", headers={"X-Internal-User": "root"})
    assert (response.status, response.body) == (404, "the service's own words")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Powered-By" not in response.headers
    assert "x-internal-user" not in json.loads(
        site.nginx.get("/", "api.shop.example", headers={"X-Internal-User": "root"}).body
    )


def test_a_post_that_fails_gets_the_page_too(site: Site) -> None:
    response = site.nginx.request("POST", "/status/503", "plain.shop.example", body=b"x" * 1000)
    assert response.status == 503
    assert "Back at noon" in response.body


def test_the_pages_cannot_be_asked_for_from_outside(site: Site) -> None:
    assert site.nginx.get("/.kuber-errors/503", "plain.shop.example").status == 404


def test_a_service_overrides_timeouts_and_body_size_and_keeps_the_standard_headers(site: Site) -> None:
    began = time.monotonic()
    assert site.nginx.get("/slow/2", "plain.shop.example").status == 504
    assert time.monotonic() - began < 2
    slow = site.nginx.get("/slow/2", "patient.shop.example")
    assert slow.status == 200
    large = bytes(2 * 1024 * 1024)
    assert site.nginx.request("POST", "/", "plain.shop.example", body=large).status == 413
    assert site.nginx.request("POST", "/", "patient.shop.example", body=large).status == 200
    assert slow.headers["X-Own"] == "yes"
    assert {name: slow.headers.get_all(name) for name in _STANDARD} == {
        name: [value] for name, value in _STANDARD.items()
    }


def test_without_the_default_backend_errors_keep_their_status(tmp_path: Path) -> None:
    with _site(GKE.set("standard_stack.ingress", _SETTINGS), tmp_path, with_backend=False) as broken:
        for status in (404, 503):
            response = broken.nginx.get(f"/status/{status}", "plain.shop.example")
            assert (response.status, response.body) == (status, "Request failed\n")
        assert broken.nginx.get("/", "plain.shop.example").status == 200


def test_the_default_backend_answers_by_itself_as_it_does_behind_the_ingress(site: Site) -> None:
    assert site.backend.get("/healthz").status == 200
    unknown = site.backend.get("/whatever", "unknown.example")
    assert unknown.status == 404
    assert "<h1>Page not found</h1>" in unknown.body
    page = site.backend.get("/503", headers={"Accept": "application/json"})
    assert (page.status, json.loads(page.body)["title"]) == (503, "Back at noon")
    assert page.headers["Cache-Control"] == "no-store"
    assert site.backend.get("/nginx.conf").status == 404, "nothing but the pages is served"


def test_without_error_pages_services_answer_for_themselves(tmp_path: Path) -> None:
    objects = stack_of(GKE.set("standard_stack.ingress", {"error_pages": {"enabled": False}}))
    entries = objects.one("ConfigMap", "nginx-ingress-public")["data"]
    with service() as own, controller(entries, [Host(name="shop.example", backend=own)], tmp_path) as nginx:
        response = nginx.get("/status/404", "shop.example")
    assert (response.status, response.body) == (404, "the service's own words")


def test_the_log_is_json_with_who_served_the_request(site: Site) -> None:
    site.nginx.get('/a"b?token=secret', "plain.shop.example")
    line = next(one for one in _log_lines(site) if one["path"] == '/a"b')
    assert (line["host"], line["status"], line["client"]) == ("plain.shop.example", "200", "127.0.0.1")
    assert "secret" not in json.dumps(line)


def _log_lines(site: Site) -> Iterator[dict[str, str]]:
    """Lines of the access log; NGINX writes one after the client has its answer."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        yield from map(json.loads, site.log.read_text().splitlines())
        time.sleep(0.05)


@pytest.mark.parametrize(("trusted", "seen"), [("127.0.0.0/8", "203.0.113.9"), ("192.0.2.0/24", "127.0.0.1")])
def test_the_load_balancer_alone_is_believed_about_the_clients_address(tmp_path: Path, trusted: str, seen: str) -> None:
    entries = stack_of(EKS.set("standard_stack.ingress", {})).one("ConfigMap", "nginx-ingress-public")["data"]
    replacing = {
        "default-backend.system-ingress.svc:8080": "127.0.0.1:1",
        "/var/lib/nginx/kuber-errors.sock": f"{tmp_path}/errors.sock",
        "set_real_ip_from 10.20.0.0/16": f"set_real_ip_from {trusted}",
    }
    with (
        service() as own,
        controller(entries, [Host(name="shop.example", backend=own)], tmp_path, replacing) as nginx,
    ):
        said = b"PROXY TCP4 203.0.113.9 10.20.3.4 50123 80\r\n"
        response = nginx.request("GET", "/", "shop.example", first=said)
    assert json.loads(response.body)["x-real-ip"] == seen
