"""A bucket for states: a stand-in that speaks as much of S3 as the engine's backend does, and takes its time over writes.

Source: Amazon S3 API reference: ListObjectsV2, GetObject, HeadObject, PutObject, CopyObject, DeleteObject. Signatures aren't looked
at, and nothing is kept when the process ends.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_BUCKET = "states"
_DUMMY = "stand-in"


class Bucket:
    """A bucket on a loopback port, from entering the context until leaving it.

    Args:
        write_seconds: What is added to each write of an object; copies within the bucket aren't writes.

    Attributes:
        objects: What is in it, by key.
        requests: How many there were, by operation: "list", "get", "head", "put", "copy", "delete".
    """

    def __init__(self, *, write_seconds: float = 0) -> None:
        self.write_seconds = write_seconds
        self.objects: dict[str, bytes] = {}
        self.written: dict[str, float] = {}
        self.requests: Counter[str] = Counter()
        self._server = _Server(self)

    def __enter__(self) -> Bucket:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make an engine keep its states here; nothing is ever asked of AWS."""
        endpoint = f"http://127.0.0.1:{self._server.server_port}"
        return {
            "PULUMI_BACKEND_URL": f"s3://{_BUCKET}?region=eu-west-1&endpoint={endpoint}&disableSSL=true&s3ForcePathStyle=true",
            "AWS_ACCESS_KEY_ID": _DUMMY,
            "AWS_SECRET_ACCESS_KEY": _DUMMY,
        }

    def put(self, key: str, content: bytes) -> None:
        """Keep an object under a key."""
        self.objects[key] = content
        self.written[key] = time.time()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bucket = bucket


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer is written in two parts

    def do_GET(self) -> None:
        bucket, key, query = self._asked()
        if not key:
            self._list(bucket, query)
        elif key in bucket.objects:
            bucket.requests["get"] += 1
            self._object(bucket, key, with_content=True)
        else:
            self._refuse("get")

    def do_HEAD(self) -> None:
        bucket, key, _ = self._asked()
        bucket.requests["head"] += 1
        if key in bucket.objects:
            self._object(bucket, key, with_content=False)
        else:
            self._answer(404, b"", {})

    def do_PUT(self) -> None:
        bucket, key, _ = self._asked()
        content = self._content()
        if source := self.headers.get("x-amz-copy-source"):
            copied = unquote(source).removeprefix("/").partition("/")[2]
            if copied not in bucket.objects:
                self._refuse("copy")
                return
            bucket.requests["copy"] += 1
            bucket.put(key, bucket.objects[copied])
            self._xml("CopyObjectResult", f"<ETag>{_etag(bucket.objects[key])}</ETag>")
        else:
            bucket.requests["put"] += 1
            time.sleep(bucket.write_seconds)
            bucket.put(key, content)
            self._answer(200, b"", {"ETag": _etag(content)})

    def do_DELETE(self) -> None:
        bucket, key, _ = self._asked()
        bucket.requests["delete"] += 1
        bucket.objects.pop(key, None)
        self._answer(204, b"", {})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written of a request."""

    @property
    def _bucket(self) -> Bucket:
        assert isinstance(self.server, _Server)
        return self.server.bucket

    def _asked(self) -> tuple[Bucket, str, dict[str, str]]:
        split = urlsplit(self.path)
        _, _, key = unquote(split.path).removeprefix("/").partition("/")
        return self._bucket, key, {name: values[0] for name, values in parse_qs(split.query).items()}

    def _content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _list(self, bucket: Bucket, query: dict[str, str]) -> None:
        bucket.requests["list"] += 1
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        contents, folders = "", set[str]()
        for key in sorted(bucket.objects):
            rest = key.removeprefix(prefix)
            if not key.startswith(prefix):
                continue
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
                continue
            content = bucket.objects[key]
            changed = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(bucket.written[key]))
            contents += (
                f"<Contents><Key>{escape(key)}</Key><LastModified>{changed}</LastModified><ETag>{_etag(content)}</ETag>"
                f"<Size>{len(content)}</Size></Contents>"
            )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(folders))
        self._xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{contents}{common}")

    def _object(self, bucket: Bucket, key: str, *, with_content: bool) -> None:
        content = bucket.objects[key]
        headers = {"ETag": _etag(content), "Last-Modified": formatdate(bucket.written[key], usegmt=True)}
        self._answer(200, content, headers, with_content=with_content)

    def _refuse(self, operation: str) -> None:
        self._bucket.requests[operation] += 1
        self._xml("Error", "<Code>NoSuchKey</Code><Message>There is no such object.</Message>", status=404)

    def _xml(self, name: str, content: str, *, status: int = 200) -> None:
        document = f'<?xml version="1.0" encoding="UTF-8"?><{name}>{content}</{name}>'.encode()
        self._answer(status, document, {"Content-Type": "application/xml"})

    def _answer(self, status: int, content: bytes, headers: dict[str, str], *, with_content: bool = True) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_content:
            self.wfile.write(content)


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
