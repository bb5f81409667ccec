"""coturn on loopback, with the configuration for production or one that differs as it says."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalicelib.ice import credential
from tests import parts
from tests.turn.client import TurnClient

FOLDER = parts.ROOT / "infra" / "coturn"
PRODUCTION = FOLDER / "turnserver.conf"
SECRET = "the secret of a relay on loopback"
_RELAYS = 400  # ports for allocations


@dataclass(frozen=True)
class Coturn:
    """A coturn that runs."""

    port: int
    database: Path

    @property
    def url(self) -> str:
        return f"turn:127.0.0.1:{self.port}"

    def client(self, username: str, proof: str, stream: bool = False) -> TurnClient:
        return TurnClient(("127.0.0.1", self.port), username, proof, stream)

    def member(
        self,
        client_id: str = "k3J9aQ",
        lasts: int = 600,
        secret: str = SECRET,
        stream: bool = False,
    ) -> TurnClient:
        """A client with the credentials that the service gives to a member."""
        username = f"{int(time.time()) + lasts}:{client_id}"
        return self.client(username, credential(secret, username), stream)

    def accepts(self, secrets: Sequence[str]) -> None:
        """From now on these secrets and no others, as the operator's script has it."""
        take_secrets(self.database, secrets)


def take_secrets(database: Path, secrets: Sequence[str]) -> None:
    subprocess.run(
        [FOLDER / "take-secrets", database],
        input="\n".join(secrets) + "\n",
        check=True,
        capture_output=True,
        text=True,
    )


@contextlib.contextmanager
def coturn(
    without: Sequence[str] = (), flags: Sequence[str] = (), secrets: Sequence[str] = (SECRET,)
) -> Iterator[Coturn]:
    """The configuration for production `without` some options, and with some `flags` more."""
    server = shutil.which("turnserver") or parts.missing("coturn")
    with tempfile.TemporaryDirectory(prefix="coturn-") as directory:
        home = Path(directory)
        (home / "turnserver.conf").write_text(_lines(without))
        running = Coturn(parts.free_port(), home / "turndb")
        running.accepts(secrets)
        lowest = running.port + 1 if running.port < 65_000 else running.port - _RELAYS - 1
        command = [
            server,
            f"-c={home / 'turnserver.conf'}",
            f"--userdb={running.database}",
            "--listening-ip=127.0.0.1",
            "--relay-ip=127.0.0.1",
            f"--listening-port={running.port}",
            f"--min-port={lowest}",
            f"--max-port={lowest + _RELAYS}",
            f"--pidfile={home / 'pid'}",
            f"--log-file={home / 'log'}",
            "--simple-log",
            *flags,
        ]
        with parts.running(command, cwd=home):
            parts.eventually(lambda: _answers(running))
            yield running


@contextlib.contextmanager
def on_loopback() -> Iterator[Coturn]:
    """A coturn that relays to this machine, as only tests may."""
    with coturn(without=["denied-peer-ip"], flags=["--allow-loopback-peers"]) as running:
        yield running


def options(name: str) -> list[str]:
    """The values of an option in the configuration for production."""
    lines = PRODUCTION.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def _lines(without: Sequence[str]) -> str:
    lines = PRODUCTION.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if line.strip().partition("=")[0] not in without)


def _answers(running: Coturn) -> bool:
    try:
        with running.client("nobody", "nothing") as client:
            return client.allocate() == 401
    except OSError:
        return False
