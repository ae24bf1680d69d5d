"""What the bucket gateway answers: its configuration in the real NGINX, with stand-ins for buckets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.standard_stack.bucket_gateway.part import bucket_gateway
from components.standard_stack.site import Site
from config.release import read_release
from tests.requirements import nginx_with_njs
from tests.standard_stack.bucket_stand_in import (
    Answer,
    Gateway,
    MetadataServer,
    StandIn,
    certificate,
    gateway,
    listening,
)
from tests.support import EKS, GKE, StackFile

INDEX = b"<html>" + b"the shop " * 300 + b"</html>"
SCRIPT = b"let it = 'be';" * 200
GCS = "storage.googleapis.com"
S3 = "shop-frontend.s3.eu-west-1.amazonaws.com"


def sites(file: StackFile, **found: dict[str, object]) -> StackFile:
    return file.set("standard_stack", {"bucket_gateway": {"enabled": True, "sites": found}})


PUBLIC = sites(
    EKS,
    shop={"host": "shop.example", "bucket": "shop-frontend", "prefix": "web/current"},
    docs={"host": "docs.example", "bucket": "shop-docs", "provider": "gcs", "index_fallback": False},
    tuned={
        "host": "tuned.example",
        "bucket": "shop-frontend",
        "cache": {"immutable": r"^/build/", "immutable_seconds": 600, "other_seconds": 7},
    },
)
PRIVATE_S3 = sites(EKS, shop={"host": "shop.example", "bucket": "shop-frontend", "prefix": "web", "private": True})
PRIVATE_GCS = sites(GKE, shop={"host": "shop.example", "bucket": "shop-frontend", "prefix": "web", "private": True})


@dataclass(frozen=True)
class Running:
    gateway: Gateway
    bucket: StandIn


def files_of(file: StackFile) -> dict[str, str]:
    settings = file.read()
    part = bucket_gateway(Site(name=file.stack, settings=settings, release=read_release(settings.release)))
    [found] = [one["data"] for one in part.objects if one["kind"] == "ConfigMap"]
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("gateway")
    pem = certificate(folder, GCS, "*.s3.eu-west-1.amazonaws.com")
    bucket = StandIn(
        {
            f"{S3}/web/current/index.html": INDEX,
            f"{S3}/web/current/assets/app-BdIVwGpS.js": SCRIPT,
            f"{S3}/web/current/logo.js": b"logo",
            f"{S3}/web/current/about": b"about",
            f"{S3}/web/current/with%20blank%3F.js": b"odd",
            f"{S3}/web/secret.js": b"outside",
            f"{S3}/secret.js": b"outside",
            f"{S3}/index.html": b"the root",
            f"{S3}/build/a.js": b"a",
            f"{S3}/b.js": b"b",
            f"{GCS}/shop-docs/index.html": b"docs",
            f"{GCS}/shop-docs/guide/index.html": b"guide",
            f"{GCS}/other-bucket/secret.js": b"outside",
        }
    )
    program = nginx_with_njs()
    with listening(bucket, pem), gateway(program, files_of(PUBLIC), folder, pem, bucket=bucket.port) as started:
        yield Running(started, bucket)


def ask(running: Running, path: str, host: str = "shop.example", method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return running.gateway.ask(host, path, method, named)


@pytest.mark.parametrize("path", ["/", "/index.html", "/orders", "/orders/42", "/orders/42/", "/a/b?page=2"])
def test_documents_and_routes_of_the_app_get_its_index(running: Running, path: str) -> None:
    answer = ask(running, path)
    assert (answer.status, answer.body) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/assets/gone-BdIVwGpS.js", "/favicon.ico", "/orders/x.map"])
def test_a_file_that_is_not_there_is_not_found_and_tells_nothing_of_the_bucket(running: Running, path: str) -> None:
    answer = ask(running, path)
    assert (answer.status, answer.body) == (404, b"Not found\n")
    assert answer.headers["cache-control"] == "no-cache"


def test_an_object_without_extension_wins_over_a_route(running: Running) -> None:
    assert ask(running, "/about").body == b"about"


def test_without_fallback_folders_have_an_index_and_nothing_else_does(running: Running) -> None:
    assert ask(running, "/", "docs.example").body == b"docs"
    assert ask(running, "/guide/", "docs.example").body == b"guide"
    assert ask(running, "/guide", "docs.example").status == 404
    assert ask(running, "/gone/", "docs.example").status == 404


@pytest.mark.parametrize(
    ("host", "path", "lifetime"),
    [
        ("shop.example", "/assets/app-BdIVwGpS.js", "public, max-age=31536000, immutable"),
        ("shop.example", "/logo.js", "public, max-age=300"),
        ("tuned.example", "/build/a.js", "public, max-age=600, immutable"),
        ("tuned.example", "/b.js", "public, max-age=7"),
        ("tuned.example", "/index.html", "no-cache"),
    ],
)
def test_files_are_kept_as_long_as_the_stack_file_says(running: Running, host: str, path: str, lifetime: str) -> None:
    answer = ask(running, path, host)
    assert answer.status == 200
    assert answer.headers["cache-control"] == lifetime and "expires" not in answer.headers


def test_a_part_of_a_file_can_be_asked_for(running: Running) -> None:
    answer = ask(running, "/assets/app-BdIVwGpS.js", Range="bytes=4-9")
    assert (answer.status, answer.body) == (206, SCRIPT[4:10])
    assert answer.headers["content-range"] == f"bytes 4-9/{len(SCRIPT)}"
    beyond = ask(running, "/logo.js", Range="bytes=100-200")
    assert (beyond.status, beyond.body) == (416, b"No such range\n")


def test_head_gives_headers_alone(running: Running) -> None:
    answer = ask(running, "/logo.js", method="HEAD")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "4")
    assert running.bucket.seen[-1].method == "HEAD"


def test_what_a_browser_has_is_not_sent_again_compressed_or_not(running: Running) -> None:
    plain = ask(running, "/logo.js")
    assert ask(running, "/logo.js", If_None_Match=plain.headers["etag"]).status == 304
    compressed = ask(running, "/", Accept_Encoding="gzip")
    assert compressed.headers["content-encoding"] == "gzip" and compressed.headers["etag"].startswith("W/")
    assert ask(running, "/", Accept_Encoding="gzip", If_None_Match=compressed.headers["etag"]).status == 304


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_nothing_but_reading_is_allowed(running: Running, method: str) -> None:
    before = len(running.bucket.seen)
    answer = ask(running, "/", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert len(running.bucket.seen) == before


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1", S3, "shop.example.evil.example", "_", "xshop.example"])
def test_other_hosts_are_not_found(running: Running, host: str) -> None:
    before = len(running.bucket.seen)
    assert ask(running, "/index.html", host).status == 404
    assert len(running.bucket.seen) == before


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.js",
        "/../../secret.js",
        "/%2e%2e/secret.js",
        "/%2e%2e/%2e%2e/secret.js",
        "/..%2fsecret.js",
        "/..%2f..%2fsecret.js",
        "/a/%2e%2e/../secret.js",
        "/%252e%252e/secret.js",
        "/%252e%252e%252fsecret.js",
        "/..\\secret.js",
        "/..%5csecret.js",
        "/%5c..%5csecret.js",
        "//../secret.js",
        "//secret.js",
        "/./../secret.js",
        "/a//../..//secret.js",
        "/..;/secret.js",
        "/%c0%ae%c0%ae/secret.js",
        f"http://{S3}/secret.js",
        "/%2e%2e/%2e%2e/other-bucket/secret.js",
    ],
)
@pytest.mark.parametrize("host", ["shop.example", "docs.example"])
def test_nothing_outside_the_folder_can_be_reached(running: Running, path: str, host: str) -> None:
    before = len(running.bucket.seen)
    answer = ask(running, path, host)
    assert answer.body != b"outside" and b"secret-name" not in answer.body
    base = "/web/current/" if host == "shop.example" else "/shop-docs/"
    for seen in running.bucket.seen[before:]:
        assert seen.path.startswith(base)
        assert not {"..", ".", ""} & set(seen.path.split("/")[1:])
        assert seen.headers["host"] in (S3, GCS)


def test_odd_names_reach_the_bucket_as_they_are(running: Running) -> None:
    assert ask(running, "/with%20blank%3F.js").body == b"odd"


@pytest.mark.parametrize("path", ["/a%0d%0aX-Amz-Acl:%20public.js", "/a%0aHost:%20evil.js", "/a%00.js"])
def test_no_header_can_be_smuggled_in_by_a_path(running: Running, path: str) -> None:
    before = len(running.bucket.seen)
    ask(running, path)
    for seen in running.bucket.seen[before:]:
        assert "x-amz-acl" not in seen.headers and seen.headers["host"] == S3


def test_a_query_never_reaches_the_bucket(running: Running) -> None:
    for query in ("?acl", "?list-type=2", "?response-content-type=text/html&versionId=1"):
        assert ask(running, f"/logo.js{query}").status == 200
        assert running.bucket.seen[-1].path == "/web/current/logo.js"


def test_nothing_of_the_client_reaches_the_bucket_but_what_concerns_the_file(running: Running) -> None:
    ask(
        running,
        "/logo.js",
        Cookie="session=1",
        Authorization="Bearer mine",
        X_Amz_Security_Token="mine",
        X_Goog_User_Project="mine",
        X_Forwarded_For="203.0.113.1",
        User_Agent="browser",
        Accept_Encoding="gzip",
    )
    assert running.bucket.seen[-1].headers.keys() == {"host", "accept-encoding"}


@pytest.mark.parametrize("path", ["/", "/logo.js", "/orders"])
def test_a_bucket_s_own_headers_stay_inside(running: Running, path: str) -> None:
    headers = ask(running, path).headers
    assert not [name for name in headers if name.startswith(("x-amz", "x-goog", "x-guploader", "alt-svc"))]
    assert headers["server"] == "nginx" and headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("status", [301, 307, 400, 401, 429, 500, 503])
def test_what_goes_wrong_in_the_bucket_is_one_plain_error(running: Running, status: int) -> None:
    at = f"{S3}/web/current/broken.js"
    running.bucket.statuses[at] = status
    answer = ask(running, "/broken.js")
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (502, b"Not available\n", "no-store")
    assert "location" not in answer.headers


def test_prometheus_is_told_which_sites_can_be_read(running: Running) -> None:
    def up() -> dict[str, str]:
        answer = running.gateway.ask("10.0.0.1", "/metrics", status_server=True)
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain")
        samples = [line.split() for line in answer.body.decode().splitlines() if not line.startswith("#")]
        return dict(samples)

    assert up() == {f'bucket_gateway_site_up{{site="{site}"}}': "1" for site in ("docs", "shop", "tuned")}
    at = f"{GCS}/shop-docs/index.html"
    running.bucket.statuses[at] = 403
    try:
        assert up()['bucket_gateway_site_up{site="docs"}'] == "0"
    finally:
        del running.bucket.statuses[at]


def test_kubelet_is_told_that_it_is_well_and_nobody_else_reaches_that(running: Running) -> None:
    assert running.gateway.ask("10.0.0.1", "/healthz", status_server=True).status == 200
    assert running.gateway.ask("10.0.0.1", "/probe/shop", status_server=True).status == 404
    assert ask(running, "/healthz", "other.example").status == 404


def test_a_bucket_that_is_another_is_not_believed(tmp_path: Path) -> None:
    program, pem = nginx_with_njs(), certificate(tmp_path, "elsewhere.example")
    bucket = StandIn({f"{S3}/web/current/index.html": INDEX})
    with listening(bucket, pem), gateway(program, files_of(PUBLIC), tmp_path, pem, bucket=bucket.port) as started:
        assert started.ask("shop.example", "/").status == 502
    assert bucket.seen == []


def test_requests_to_a_private_bucket_in_s3_go_through_the_signing_proxy(tmp_path: Path) -> None:
    program, pem = nginx_with_njs(), certificate(tmp_path, "nobody.example")
    signer = StandIn({f"{S3}/web/index.html": INDEX, f"{S3}/web/a%20b.js": b"blank"})
    with (
        listening(signer),
        gateway(program, files_of(PRIVATE_S3), tmp_path, pem, bucket=1, signer=signer.port) as started,
    ):
        assert started.ask("shop.example", "/orders/42").body == INDEX
        assert started.ask("shop.example", "/a%20b.js").body == b"blank"
        assert started.ask("shop.example", "/gone.js").body == b"Not found\n"
        assert b'{site="shop"} 1' in started.ask("x", "/metrics", status_server=True).body


def test_requests_to_a_private_bucket_of_google_carry_a_token(tmp_path: Path) -> None:
    program, pem = nginx_with_njs(), certificate(tmp_path, GCS)
    bucket = StandIn({f"{GCS}/shop-frontend/web/index.html": INDEX}, token="abc.def")
    metadata = MetadataServer({}, token="abc.def")
    with (
        listening(bucket, pem),
        listening(metadata),
        gateway(program, files_of(PRIVATE_GCS), tmp_path, pem, bucket=bucket.port, metadata=metadata.port) as started,
    ):
        for path in ("/", "/orders/42", "/index.html"):
            assert started.ask("shop.example", path).body == INDEX
        assert started.ask("shop.example", "/gone.js").status == 404
        assert b'{site="shop"} 1' in started.ask("x", "/metrics", status_server=True).body
        assert started.ask("shop.example", "/.token").body == b"Not found\n"
    assert len(metadata.seen) <= 2, "the token is kept"
    assert {one.path for one in metadata.seen} == {"/computeMetadata/v1/instance/service-accounts/default/token"}


def test_without_a_token_a_private_bucket_of_google_is_not_available(tmp_path: Path) -> None:
    program, pem = nginx_with_njs(), certificate(tmp_path, GCS)
    bucket, metadata = StandIn({}, token="abc"), MetadataServer({}, token="")
    with (
        listening(bucket, pem),
        listening(metadata),
        gateway(program, files_of(PRIVATE_GCS), tmp_path, pem, bucket=bucket.port, metadata=metadata.port) as started,
    ):
        assert started.ask("shop.example", "/").status == 502
        assert b'{site="shop"} 0' in started.ask("x", "/metrics", status_server=True).body
    assert not [one for one in bucket.seen if "authorization" in one.headers]
