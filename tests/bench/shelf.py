"""Serves the page of the others' clients, with their packages as npm has installed them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests import parts

HERE = Path(__file__).parent
MODULES = parts.ROOT / "node_modules"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript"}
_UMD = (
    b"const module = { exports: {} }, exports = module.exports;\n%s\nexport default module.exports;"
)


class Shelf(BaseHTTPRequestHandler):
    """Files of this folder, and under /lib/ those of node_modules."""

    def do_GET(self) -> None:
        path = self._file()
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        if path.name == "simplepeer.min.js":  # its bundlers make a module of it; browsers do not
            body = _UMD % body
        self.send_response(200)
        self.send_header("Content-Type", _TYPES.get(path.suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self) -> Path:
        if not self.path.startswith("/lib/"):
            return HERE / self.path.lstrip("/")
        found = MODULES / self.path.removeprefix("/lib/")
        return found if found.is_file() else found.with_name(found.name + ".js")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        """Nothing of interest."""


@contextmanager
def serving() -> Iterator[str]:
    """The page's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/peers.html"
        server.shutdown()
