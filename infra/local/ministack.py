"""MiniStack as the desk's DynamoDB: a child process that never outlives the desk."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

from infra.local.errors import DeskError

# Runs in the child. Its standard input is a leash: however the desk ends, the pipe closes, and the
# whole process group goes with it. (PR_SET_PDEATHSIG does the same, on Linux alone.)
LEASHED = """
import os, runpy, shutil, signal, threading
def leash():
    while os.read(0, 1):
        pass
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL) if hasattr(os, "killpg") else os._exit(0)
threading.Thread(target=leash, daemon=True).start()
runpy.run_module("ministack", run_name="__main__")
"""


class MiniStack:
    """A running MiniStack with everything in memory. `async with MiniStack(port)` starts it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self._directory = tempfile.TemporaryDirectory(
            prefix="ministack-", ignore_cleanup_errors=True
        )
        self._log = Path(self._directory.name) / "log"

    async def __aenter__(self) -> MiniStack:
        if importlib.util.find_spec("ministack") is None:
            raise DeskError(
                "MiniStack is missing: pip install -r requirements-dev.txt, "
                "or let AWS_ENDPOINT_URL_DYNAMODB name another DynamoDB."
            )
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", LEASHED),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment(self.port, self._directory.name),
                start_new_session=True,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin  # noqa: S101 - asked for above
        self._process.stdin.close()
        await self._process.wait()
        self._directory.cleanup()

    async def death(self) -> DeskError:
        """Wait for as long as it lives; what to say when it is dead."""
        code = await self._process.wait()
        lines = self._log.read_text("utf-8", "replace").splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return DeskError(f"MiniStack has stopped (exit code {code}): {last}")


def environment(port: int, directory: str) -> dict[str, str]:
    """What MiniStack needs, and no more: DynamoDB alone, on loopback, in memory."""
    return {
        **{name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ},
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SERVICES": "dynamodb",
        "PERSIST_STATE": "0",
        # Left to itself it would listen for MQTT on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": directory,
        "HOME": directory,
        "PYTHONUNBUFFERED": "1",
    }
