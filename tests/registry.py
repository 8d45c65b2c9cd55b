"""A registry on this machine's loopback, as much of one as an engine needs to pull an image of one layer."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry:
    """What it holds, and who may have it.

    Attributes:
        address: `127.0.0.1:PORT`, which an engine takes for a registry that needs no TLS.
        user: `name:password` that a pull must bring; empty if none.
    """

    def __init__(self) -> None:
        self.address = ""
        self.user = ""
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}

    def add(self, name: str, *, files: dict[str, bytes], config: dict[str, Any]) -> str:
        """Adds `name` (`a/b:tag`); returns the whole name by which it is pulled."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for path, data in files.items():
                info = tarfile.TarInfo(path)
                info.size, info.mode = len(data), 0o755
                archive.addfile(info, io.BytesIO(data))
        layer = stream.getvalue()
        image = {
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            "history": [{"created_by": "a test"}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._blob(json.dumps(image).encode(), "application/vnd.docker.container.image.v1+json"),
            "layers": [
                self._blob(gzip.compress(layer, 0), "application/vnd.docker.image.rootfs.diff.tar.gzip"),
            ],
        }
        repository, _, tag = name.partition(":")
        data = json.dumps(manifest).encode()
        for reference in (tag, _digest(data)):
            self.manifests[f"/v2/{repository}/manifests/{reference}"] = data
        return f"{self.address}/{name}"

    def _blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        self.blobs[_digest(data)] = data
        return {"mediaType": media_type, "size": len(data), "digest": _digest(data)}


@contextmanager
def open_registry() -> Iterator[Registry]:
    """A registry that answers until the end of the block."""
    registry = Registry()

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": registry}))
    registry.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    registry: Registry

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        wanted = "Basic " + base64.b64encode(self.registry.user.encode()).decode()
        if self.registry.user and self.headers.get("Authorization") != wanted:
            self._send(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}')
        elif self.path == "/v2/":
            self._send(200, b"{}")
        elif self.path in self.registry.manifests:
            self._send(200, self.registry.manifests[self.path], _MANIFEST)
        elif self.path.rpartition("/")[2] in self.registry.blobs:
            self._send(200, self.registry.blobs[self.path.rpartition("/")[2]], "application/octet-stream")
        else:
            self._send(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}')

    def _send(self, status: int, data: bytes, media_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if media_type == _MANIFEST:
            self.send_header("Docker-Content-Digest", _digest(data))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="a test"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
