"""The desk as a person starts it: one command, its words, its exits, and nothing left behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from infra.local import ports
from infra.local.errors import DeskError
from tests.gateway.served import QUIET, TOYAPP, ask
from tests.parts import ROOT, dynamodb_client, eventually, free_port, stop

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and process groups are POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

NOT_OURS = ("AWS_ENDPOINT_URL_DYNAMODB", "PORT", "TABLE_NAME", "MANAGEMENT_URL")


class Desk:
    """A desk in a process of its own, ready to serve."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self.url = self.read_until(r"is served at (\S+)")

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rpartition(":")[2])

    def read_until(self, pattern: str) -> str:
        """Read what the desk says up to a line that matches; the match's last group."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if match := re.search(pattern, line):
                return match[match.lastindex or 0]
        raise AssertionError(f"it ended without saying {pattern!r}: {self.said}")

    def dynamodb(self) -> str:
        return self.read_until(r"DynamoDB +(\S+)")

    def child(self) -> int:
        """The process id of its only child, MiniStack."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children)

    def open(self, **options: Any) -> Any:
        url = self.url.replace("http", "ws", 1) + "ws"
        return connect(url, **QUIET | options)


def command(*flags: str, project: Path = TOYAPP, env: dict[str, str] | None = None) -> Any:
    environment = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return {
        "args": [sys.executable, "-m", "infra.local", "--project-dir", str(project), *flags],
        "cwd": ROOT,
        "env": environment | (env or {}),
        "text": True,
        "stderr": subprocess.STDOUT,
    }


@contextmanager
def desk(*flags: str, **options: Any) -> Iterator[Desk]:
    """A desk on free ports, unless the flags say otherwise."""
    flags = flags if "--port" in flags else ("--port", "0", *flags)
    process = subprocess.Popen(**command(*flags, **options), stdout=subprocess.PIPE)
    try:
        yield Desk(process)
    finally:
        stop(process)
        assert process.stdout is not None
        process.stdout.close()


def failure(*flags: str, **options: Any) -> str:
    """What a desk that cannot start says last; it must be one line, and the exit code 1."""
    done = subprocess.run(
        **command(*flags, **options), stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout
    return str(done.stdout).rstrip().splitlines()[-1]


@contextmanager
def no_dynamodb_needed() -> Iterator[dict[str, str]]:
    """The environment of a desk whose DynamoDB is a stub, for tests of something else."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Stub(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"TableNames": [], "Table": {"TableStatus": "ACTIVE"}}')

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - its name
            pass

    with HTTPServer(("127.0.0.1", 0), Stub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()


@pytest.fixture
def stub() -> Iterator[dict[str, str]]:
    with no_dynamodb_needed() as environment:
        yield environment


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the toy project that a test may change; no template, so no tables."""
    directory = tmp_path / "project"
    shutil.copytree(TOYAPP, directory, ignore=shutil.ignore_patterns("infra", "__pycache__"))
    return directory


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def get(url: str) -> Any:
    host, _, path = url.removeprefix("http://").partition("/")
    client = http.client.HTTPConnection(host, timeout=10)
    client.request("GET", f"/{path}")
    answer = client.getresponse().read()
    client.close()
    return json.loads(answer)


def close_code(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


# ---- its words


def test_help() -> None:
    done = subprocess.run(**command("--help"), stdout=subprocess.PIPE, timeout=60, check=True)
    for flag in ("--port", "--https", "--reload", "--clock-scale", "--template", "examples:"):
        assert flag in done.stdout
    assert "(default: 7200)" in done.stdout


def test_the_whole_desk() -> None:
    with desk() as toy:
        assert toy.said[-1] == f"Toy is served at http://localhost:{toy.port}/"
        assert toy.read_until(r"REST +(\S+)") == f"http://localhost:{toy.port}/api"
        assert toy.read_until(r"WebSocket +(\S+)") == f"ws://localhost:{toy.port}/ws"
        database = dynamodb_client(toy.dynamodb())
        assert database.list_tables()["TableNames"] == ["toys", "toys-boxes"]
        ttl = database.describe_time_to_live(TableName="toys")["TimeToLiveDescription"]
        assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
        config = get(f"{toy.url}config.json")
        assert get(config["api"]) == {"path": "/"}
        with connect(config["websocket"], **QUIET) as socket:
            assert ask(socket, n=1)["n"] == 1


def test_handlers_find_their_way(stub: dict[str, str]) -> None:
    names = ["MANAGEMENT_URL", "FLAVOUR", "TOPPING", "AWS_EC2_METADATA_DISABLED", "AWS_REGION"]
    with desk("--stage", "fancy", env=stub | {"FLAVOUR": "real"}) as toy, toy.open() as socket:
        answer = ask(socket, names=names)
        assert answer["is"] == {
            "MANAGEMENT_URL": f"http://127.0.0.1:{toy.port}/{{stage}}",
            "FLAVOUR": "real",
            "TOPPING": "nuts",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": "us-east-1",
        }
        assert answer["event"]["requestContext"]["stage"] == "v1"
        assert get(f"{toy.url}v1") == {"path": "/"}


def test_the_port_comes_from_the_environment_too(stub: dict[str, str]) -> None:
    port = str(free_port())
    done = desk_on_port_of_environment(port, stub)
    assert done == f"http://localhost:{port}/"


def desk_on_port_of_environment(port: str, stub: dict[str, str]) -> str:
    process = subprocess.Popen(**command(env=stub | {"PORT": port}), stdout=subprocess.PIPE)
    try:
        return Desk(process).url
    finally:
        stop(process)
        assert process.stdout is not None
        process.stdout.close()


def test_two_desks_side_by_side() -> None:
    with desk(env={"TABLE_NAME": "ours"}) as one, desk(env={"TABLE_NAME": "theirs"}) as other:
        tables = [dynamodb_client(toy.dynamodb()).list_tables() for toy in (one, other)]
        assert [answer["TableNames"][0] for answer in tables] == ["ours", "theirs"]


def test_verbose_tells_each_event_without_its_body(stub: dict[str, str]) -> None:
    with desk("--verbose", env=stub) as toy, toy.open() as socket:
        ask(socket, secret="hush")
        toy.read_until(r"\$default \S{15}=")
        assert "hush" not in "".join(toy.said)


# ---- what it cannot do


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on; the one before it is free."""
    for _ in range(20):
        with ports.listen("127.0.0.1", 0) as listener:
            number = ports.number_of(listener)
            with suppress(DeskError):
                ports.bound("127.0.0.1", number - 1).close()
                yield number
                return
    pytest.fail("no two ports side by side")


def test_a_taken_port(taken: int) -> None:
    said = failure("--port", str(taken))
    assert said == f"Port {taken} is taken: choose another one with --port or PORT."


def test_a_taken_port_for_dynamodb(taken: int) -> None:
    said = failure("--port", str(taken - 1))
    assert said.startswith(f"Port {taken} is taken: choose another one with --port or PORT.")


@pytest.mark.parametrize("flags", [["--port", "65536"], ["--port", "0", "--host", "192.0.2.7"]])
def test_an_address_that_cannot_be_had(flags: list[str]) -> None:
    assert "cannot be opened" in failure(*flags)


def test_no_project(tmp_path: Path) -> None:
    assert "No Chalice project" in failure(project=tmp_path)


def test_no_app(project: Path, stub: dict[str, str]) -> None:
    (project / "app.py").unlink()
    assert "app.py is missing" in failure("--port", "0", project=project, env=stub)


def test_an_app_that_does_not_load_ends_ministack_too(project: Path) -> None:
    (project / "app.py").write_text("import no_such_module")
    said = failure("--port", "0", project=project)
    assert "ModuleNotFoundError: No module named 'no_such_module'" in said


def test_a_dynamodb_that_does_not_answer() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    said = failure("--port", "0", env={"AWS_ENDPOINT_URL_DYNAMODB": endpoint})
    assert endpoint in said
    assert "no DynamoDB answers" in said


# ---- its end


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_and_leaves_nothing(number: signal.Signals) -> None:
    with desk() as toy, toy.open() as socket:
        ministack = toy.child()
        ask(socket, n=1)
        socket.send(json.dumps({"do": "wait", "at": "never"}))
        started = time.monotonic()
        toy.process.send_signal(number)
        assert close_code(socket) == 1001
        rest, _ = toy.process.communicate(timeout=10)
        assert toy.process.returncode == 0
        assert time.monotonic() - started < 10  # the handler would wait for 20
        assert "Traceback" not in rest
        assert not alive(ministack)


@linux
def test_killed_it_takes_ministack_along() -> None:
    with desk() as toy:
        ministack = toy.child()
        assert alive(ministack)
        toy.process.kill()
        eventually(lambda: not alive(ministack), 10)


@linux
def test_it_does_not_go_on_without_ministack() -> None:
    with desk() as toy:
        os.kill(toy.child(), signal.SIGKILL)
        rest, _ = toy.process.communicate(timeout=10)
        assert toy.process.returncode == 1
        assert "MiniStack has stopped (exit code -9)" in rest
        assert "Traceback" not in rest


# ---- new code under open sockets


def replace(path: Path, old: str, new: str) -> None:
    """Change a file as editors do: a new file under the old name."""
    text = path.read_text()
    assert old in text
    fresh = path.with_suffix(".new")
    fresh.write_text(text.replace(old, new))
    fresh.replace(path)


def test_reload(project: Path, stub: dict[str, str]) -> None:
    app = project / "app.py"
    with desk("--reload", project=project, env=stub) as toy, toy.open() as socket:
        toy.read_until("Ctrl-C")
        assert ask(socket, n=1)["n"] == 1
        replace(app, "answer = order |", 'answer = order | {"n": "new"} |')
        assert toy.read_until("Reloaded: (.*)") == "app.py"
        assert ask(socket, n=1)["n"] == "new"
        replace(app, '"new"', '"newer')
        assert re.search(r"line \d+ of .*app.py", toy.read_until("Not reloaded: (.*)"))
        assert ask(socket, n=1)["n"] == "new"
        replace(app, '"newer', '"newest"')
        toy.read_until("Reloaded: (.*)")
        assert ask(socket, n=1)["n"] == "newest"


def test_reload_of_the_configuration(project: Path, stub: dict[str, str]) -> None:
    with desk("--reload", project=project, env=stub) as toy, toy.open() as socket:
        toy.read_until("Ctrl-C")
        assert ask(socket, names=["FLAVOUR"])["is"] == {"FLAVOUR": "plain"}
        replace(project / ".chalice" / "config.json", "plain", "spicy")
        toy.read_until("Reloaded: .chalice/config.json")
        assert ask(socket, names=["FLAVOUR"])["is"] == {"FLAVOUR": "spicy"}


# ---- TLS


def test_https(stub: dict[str, str]) -> None:
    with desk("--https", "--host", "127.0.0.1", env=stub) as toy:
        trusting = ssl.create_default_context(cadata=certificate_of(toy.port))
        with toy.open(ssl=trusting) as socket:
            answer = ask(socket, names=["MANAGEMENT_URL"])
            assert answer["is"]["MANAGEMENT_URL"].startswith("http://127.0.0.1:")
            assert answer["is"]["MANAGEMENT_URL"] != f"http://127.0.0.1:{toy.port}/{{stage}}"
        client = http.client.HTTPSConnection("localhost", toy.port, context=trusting, timeout=10)
        client.request("GET", "/config.json")
        config = json.loads(client.getresponse().read())
        client.close()
        assert config == {
            "api": f"https://localhost:{toy.port}/api",
            "websocket": f"wss://localhost:{toy.port}/ws",
        }


def certificate_of(port: int) -> str:
    """The certificate that a server shows, taken on trust."""
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_a_frame_too_large_hears_why_over_tls(stub: dict[str, str]) -> None:
    with desk("--https", "--host", "127.0.0.1", env=stub) as toy:
        trusting = ssl.create_default_context(cadata=certificate_of(toy.port))
        with toy.open(ssl=trusting) as socket:
            socket.send("x" * 1024 * 1024)
            assert close_code(socket) == 1009


def test_https_offers_itself_to_the_network(stub: dict[str, str]) -> None:
    with desk("--https", env=stub) as toy:
        assert toy.url.startswith("https://localhost:")
        toy.read_until("the browser warns once")
        with socket.create_connection(("127.0.0.1", toy.port), timeout=10):
            pass


def test_the_back_door_is_for_handlers_alone(stub: dict[str, str]) -> None:
    with desk("--https", "--host", "127.0.0.1", env=stub) as toy:
        trusting = ssl.create_default_context(cadata=certificate_of(toy.port))
        with toy.open(ssl=trusting) as opened:
            management = str(ask(opened, names=["MANAGEMENT_URL"])["is"]["MANAGEMENT_URL"])
        client = http.client.HTTPConnection(management.split("/")[2], timeout=10)
        for path, status in {"/": 404, "/api": 404, "/api/@connections/x": 403}.items():
            client.request("GET", path)
            answer = client.getresponse()
            answer.read()
            assert answer.status == status
        client.close()
