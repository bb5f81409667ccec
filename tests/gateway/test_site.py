"""Static files, and /config.json that tells them where the API is."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from infra.local.limits import Limits
from tests.gateway.served import TOYAPP, Served, served


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/sub/", "text/html; charset=utf-8"),
        ("/index.js", "text/javascript; charset=utf-8"),
        ("/index.css", "text/css; charset=utf-8"),
        ("/manifest.json", "application/manifest+json"),
        ("/app.webmanifest", "application/manifest+json"),
    ],
)
def test_a_file(gateway: Served, path: str, kind: str) -> None:
    answer = gateway.http("GET", path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "connect-src 'self' ws: wss:" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_files_content(gateway: Served) -> None:
    assert gateway.http("GET", "/").body == (TOYAPP / "client" / "index.html").read_bytes()


def test_an_unchanged_file_is_not_sent_twice(gateway: Served) -> None:
    tag = gateway.http("GET", "/index.js").headers["ETag"]
    again = gateway.http("GET", "/index.js", headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")


def test_head(gateway: Served) -> None:
    answer = gateway.http("HEAD", "/index.js")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


def test_nothing_there(gateway: Served) -> None:
    answer = gateway.http("GET", "/missing.js")
    assert (answer.status, answer.body) == (404, b"Not Found\n")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert gateway.http("POST", "/index.js", b"x").status == 405


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/..%2fapp.py",
        "/%2e%2e/app.py",
        "/sub/../../app.py",
        "/..%5capp.py",
        "//etc/passwd",
        "/%00",
    ],
)
def test_no_way_out_of_the_directory(gateway: Served, path: str) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port)) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = raw.makefile("rb").read()
    assert b"404 Not Found" in answer.splitlines()[0]
    assert b"Chalice" not in answer


def test_without_a_client() -> None:
    with served(client=None) as gateway:
        assert gateway.http("GET", "/").status == 404
        assert gateway.http("GET", "/config.json").status == 200


@pytest.mark.parametrize(
    ("limits", "pace"),
    [
        (Limits(), {}),
        (Limits(lifetime=60), {"lifetime": 60_000}),
        (Limits(idle=10), {"pingEvery": 8_000}),
        (Limits(clock_scale=120), {"lifetime": 60_000, "pingEvery": 4_000}),
    ],
)
def test_config_json_tells_the_limits_that_are_not_those_of_aws(
    limits: Limits, pace: dict[str, int]
) -> None:
    with served(limits) as gateway:
        told = gateway.http("GET", "/config.json").json
    assert {name: told[name] for name in told if name not in ("api", "websocket")} == pace


def test_what_is_kept_is_what_the_files_are_now(tmp_path: Path) -> None:
    with served(client=tmp_path) as gateway:
        assert gateway.http("GET", "/service-worker.json").status == 404
        (tmp_path / "service-worker.json").write_text("out of date")
        (tmp_path / "index.html").write_text("x")
        assert list(gateway.http("GET", "/service-worker.json").json["core"]) == ["index.html"]


def test_work_in_progress_is_not_for_keeping(tmp_path: Path) -> None:
    (tmp_path / "service-worker.json").write_text("{}")
    with served(client=tmp_path, in_progress=True) as gateway:
        assert gateway.http("GET", "/service-worker.json").status == 404


@pytest.mark.parametrize("host", ["localhost:8000", "192.0.2.7", "[::1]:9000"])
def test_config_json_follows_the_host_header(gateway: Served, host: str) -> None:
    answer = gateway.http("GET", "/config.json", headers={"Host": host})
    assert answer.json == {"api": f"http://{host}/api", "websocket": f"ws://{host}/ws"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
