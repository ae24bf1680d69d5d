"""NGINX's configuration of the bucket gateway."""

from __future__ import annotations

from collections.abc import Sequence

from .sites import Origin

CONFIG_FOLDER = "/etc/nginx/gateway"
SCRATCH_FOLDER = "/var/cache/nginx"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""Of the image: the public ones."""
HTTP_PORT, STATUS_PORT, SIGNER_PORT, TOKEN_PORT = 8080, 8081, 8082, 8083
_METADATA_SERVER = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"
_DNS = "kube-dns.kube-system.svc.cluster.local"
_TEXT_TYPES = (
    "application/javascript application/json application/manifest+json application/wasm application/xml"
    " image/svg+xml text/css text/javascript text/plain text/xml"
)


def nginx_conf(origins: Sequence[Origin]) -> str:
    """The whole configuration."""
    with_token = any(one.with_token for one in origins)
    parts = [
        _head(origins, with_token),
        *(_upstream(one) for one in origins),
        *(_lifetimes(one) for one in origins),
        _REST_OF_THE_WORLD,
        *(_site(one) for one in origins),
        _status(origins),
        *([_TOKENS] if with_token else []),
    ]
    return "\n".join(parts) + "}\n"


def _head(origins: Sequence[Origin], with_token: bool) -> str:
    names = " ".join(one.name for one in origins)
    return f"""\
load_module /usr/lib/nginx/modules/ngx_http_js_module.so;
worker_processes 2;
pid {SCRATCH_FOLDER}/nginx.pid;
error_log /dev/stderr warn;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {SCRATCH_FOLDER}/client;
    proxy_temp_path {SCRATCH_FOLDER}/proxy;
    fastcgi_temp_path {SCRATCH_FOLDER}/fastcgi;
    uwsgi_temp_path {SCRATCH_FOLDER}/uwsgi;
    scgi_temp_path {SCRATCH_FOLDER}/scgi;
    {f"proxy_cache_path {SCRATCH_FOLDER}/tokens keys_zone=tokens:1m;" if with_token else ""}
    js_import gateway from {CONFIG_FOLDER}/gateway.js;
    js_var $bucket_token;
    js_var $sites "{names}";
    js_var $with_token {"yes" if with_token else '""'};

    log_format json escape=json '{{"host":"$host","method":"$request_method","path":"$request_uri","status":$status,'
        '"bytes":$body_bytes_sent,"seconds":$request_time,"bucket_status":"$upstream_status","bucket_seconds":"$upstream_response_time",'
        '"client":"$http_x_forwarded_for","agent":"$http_user_agent"}}';
    access_log /dev/stdout json;
    default_type text/plain;
    server_tokens off;
    absolute_redirect off;
    client_max_body_size 1k;
    large_client_header_buffers 4 16k;
    server_names_hash_bucket_size 512;
    resolver {_DNS} valid=30s ipv6=off;

    gzip on;
    gzip_proxied any;
    gzip_vary on;
    gzip_min_length 1024;
    gzip_types {_TEXT_TYPES};

    # Of the client's request nothing passes but this. A tag that gzip made weak is the bucket's own again.
    map $http_if_none_match $bucket_tag {{ default $http_if_none_match; "~^W/(?<tag>.+)$" $tag; }}
    proxy_pass_request_headers off;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_http_version 1.1;
    proxy_ssl_server_name on;
    proxy_ssl_verify on;
    proxy_ssl_verify_depth 4;
    proxy_ssl_trusted_certificate {AUTHORITIES};
    proxy_connect_timeout 5s;
    proxy_read_timeout 30s;
    proxy_next_upstream error timeout http_502 http_503 http_504;
    proxy_next_upstream_tries 2;
    proxy_max_temp_file_size 0;
    proxy_intercept_errors on;
    recursive_error_pages on;
    proxy_hide_header Cache-Control;
    proxy_hide_header Expires;
    proxy_hide_header Set-Cookie;
"""


def _upstream(one: Origin) -> str:
    server = f"127.0.0.1:{SIGNER_PORT}" if one.signed else f"{one.host}:443 resolve"
    return f"""\
    upstream {_upstream_name(one)} {{
        zone {_upstream_name(one)} 64k;
        server {server};
        keepalive 32;
    }}
"""


def _upstream_name(one: Origin) -> str:
    return f"bucket-{one.name}"


def _variable(one: Origin) -> str:
    return f"lifetime_{one.name.replace('-', '_')}"


def _lifetimes(one: Origin) -> str:
    cache = one.settings.cache
    immutable = (
        f'"~{cache.immutable}" "public, max-age={cache.immutable_seconds}, immutable";' if cache.immutable else ""
    )
    return f"""\
    map $path ${_variable(one)} {{
        default "public, max-age={cache.other_seconds}";
        "~(/|\\.html)$" "no-cache";
        {immutable}
    }}
"""


_REST_OF_THE_WORLD = f"""\
    server {{
        listen {HTTP_PORT} default_server;
        location / {{ return 404 "Not found\\n"; }}
    }}
"""


def _site(one: Origin) -> str:
    """A server of its own. `$path` is what was asked for, decoded and without dots, and is written anew behind the site's folder."""
    index = f"{one.base}/index.html"
    lifetime = f"${_variable(one)}"
    file = _object(one, f"{one.base}$path", lifetime, "@missing")
    if one.settings.index_fallback:
        folders = _object(one, index, '"no-cache"', "@missing")
        others = _object(one, f"{one.base}$path", lifetime, "@index")
        fallback = (
            f"        location @index {{\n{_object(one, index, chr(34) + 'no-cache' + chr(34), '@missing')}        }}\n"
        )
    else:
        folders = _object(one, f"{one.base}${{path}}index.html", '"no-cache"', "@missing")
        others, fallback = file, ""
    token = """\
        location = /.token {
            internal;
            error_page 404 = @missing;
            js_content gateway.authorize;
        }
"""
    return f"""\
    server {{
        listen {HTTP_PORT};
        server_name {one.settings.host};
        set $path $uri;
        if ($request_method !~ "^(GET|HEAD)$") {{ return 405; }}
        error_page 405 @refused;
{_bucket(one)}
        location ~ "/$" {{
{folders}        }}
        location ~ "\\.[^/.]+$" {{
{file}        }}
        location / {{
{others}        }}
{fallback}        location @missing {{
            add_header Cache-Control "no-cache" always;
            return 404 "Not found\\n";
        }}
        location @refused {{
            add_header Allow "GET, HEAD" always;
            return 405 "Not allowed\\n";
        }}
        location @unsatisfiable {{ return 416 "No such range\\n"; }}
        location @unavailable {{
            add_header Cache-Control "no-store" always;
            return 502 "Not available\\n";
        }}
{token if one.with_token else ""}    }}
"""


def _bucket(one: Origin) -> str:
    """How the bucket is asked."""
    token = '        proxy_set_header Authorization "$bucket_token";\n' if one.with_token else ""
    return f"""\
        proxy_set_header Host {one.host};
        proxy_set_header Connection "";
        proxy_set_header Content-Length "";
        proxy_set_header Accept-Encoding "$http_accept_encoding";
        proxy_set_header Range "$http_range";
        proxy_set_header If-Range "$http_if_range";
        proxy_set_header If-None-Match "$bucket_tag";
        proxy_set_header If-Modified-Since "$http_if_modified_since";
{token}        proxy_ssl_name {one.host};"""


def _object(one: Origin, path: str, lifetime: str, missing: str) -> str:
    """Directives of a location that gives an object of the bucket."""
    scheme = "http" if one.signed else "https"
    token = "            auth_request /.token;\n" if one.with_token else ""
    return f"""\
{token}            rewrite ^ {path}? break;
            proxy_pass {scheme}://{_upstream_name(one)};
            js_header_filter gateway.strip;
            add_header Cache-Control {lifetime};
            error_page 403 404 = {missing};
            error_page 416 = @unsatisfiable;
            error_page 300 301 302 303 307 308 400 401 405 409 411 412 429 500 501 502 503 504 = @unavailable;
"""


def _status(origins: Sequence[Origin]) -> str:
    """For kubelet and Prometheus."""
    probes = "".join(
        f"""\
        location = /probe/{one.name} {{
            internal;
            proxy_intercept_errors off;
            proxy_method HEAD;
{_bucket(one).replace("        ", "            ")}
            rewrite ^ {one.base}/index.html? break;
            proxy_pass {"http" if one.signed else "https"}://{_upstream_name(one)};
        }}
"""
        for one in origins
    )
    return f"""\
    server {{
        listen {STATUS_PORT};
        access_log off;
        location = /healthz {{ return 200 "well\\n"; }}
        location = /metrics {{ js_content gateway.metrics; }}
{probes}    }}
"""


_TOKENS = f"""\
    # The metadata server gives the same token until five minutes before its end.
    server {{
        listen 127.0.0.1:{TOKEN_PORT};
        access_log off;
        location = / {{
            proxy_set_header Metadata-Flavor Google;
            proxy_set_header Host metadata.google.internal;
            proxy_intercept_errors off;
            proxy_cache tokens;
            proxy_cache_key token;
            proxy_cache_lock on;
            proxy_cache_valid 200 1m;
            proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;
            proxy_pass {_METADATA_SERVER};
        }}
    }}
"""
