"""Somebody at a terminal, with a checkout of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.parts import ROOT, missing

REQUIREMENTS = ("requirements.txt", "requirements-jwks.txt", "requirements-dev.txt")
CHECKED_OUT = ("app.py", *REQUIREMENTS, "chalicelib", "client")
WHEELS = ROOT / ".wheels"
PATIENCE = 120


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    said: str


class Operator:
    """A clean checkout of the project as it is now, and the commands one types there."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        if not WHEELS.is_dir():
            missing("the wheels of the Lambda package (make setup)")
        self.project = folder / "parley"
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(WHEELS),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }
        self._check_out()

    def _check_out(self) -> None:
        ignored = shutil.ignore_patterns("__pycache__", "deployed", "deployments")
        self.project.mkdir(parents=True)
        for name in (*CHECKED_OUT, ".chalice", "infra"):
            source, there = ROOT / name, self.project / name
            if source.is_dir():
                shutil.copytree(source, there, ignore=ignored)
            else:
                shutil.copy(source, there)

    def types(self, *command: str, answer: str = "") -> Ran:
        """Run it to its end."""
        ran = subprocess.run(
            command,
            cwd=self.project,
            env=self.environment,
            input=answer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        return Ran(ran.returncode, ran.stdout)

    def aws(self, *arguments: str, answer: str = "") -> Ran:
        return self.types("python", "-m", "infra.aws", *arguments, answer=answer)

    def deploys(self, *arguments: str) -> str:
        """Deploy, which has to succeed; all that was said."""
        ran = self.aws("deploy", "--stage", "dev", *arguments)
        assert ran.code == 0, ran.said
        return ran.said

    def destroys(self) -> str:
        ran = self.aws("destroy", "--stage", "dev", "--yes")
        assert ran.code == 0, ran.said
        return ran.said

    def is_cut_off_at(self, words: str, *arguments: str) -> None:
        """Deploy, and have it killed, Chalice and all, as soon as it says the words."""
        with subprocess.Popen(
            ["python", "-m", "infra.aws", "deploy", "--stage", "dev", *arguments],
            cwd=self.project,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if words in line:
                    os.killpg(process.pid, signal.SIGKILL)
                    return
        raise AssertionError(f"it never said {words!r}, but: {''.join(said)}")

    # -- what stands in the checkout -------------------------------------------------------------

    def changes(self, name: str, old: str, new: str) -> None:
        """Edit a file."""
        path = self.project / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def record(self) -> dict[str, Any]:
        """Chalice's record: each resource's values by its name."""
        path = self.project / ".chalice" / "deployed" / "dev.json"
        resources = json.loads(path.read_text("utf-8"))["resources"]
        return {resource["name"]: resource for resource in resources}

    def apis(self) -> tuple[str, str]:
        found = self.record()
        return found["rest_api"]["rest_api_id"], found["websocket_api"]["websocket_api_id"]

    def addresses(self) -> tuple[str, str]:
        """REST and WebSocket."""
        rest, websocket = self.apis()
        return (
            self.environment["EXECUTE_API_REST"].format(api=rest, stage="api"),
            self.environment["EXECUTE_API_WEBSOCKET"].format(api=websocket, stage="api"),
        )

    def is_a_chalice_user(self) -> None:
        """Say in config.json what the deploy command would have taken from the environment."""
        path = self.project / ".chalice" / "config.json"
        config = json.loads(path.read_text("utf-8"))
        stage = config["stages"]["dev"]
        stage["lambda_architecture"] = self.environment["LAMBDA_ARCHITECTURE"]
        for name in ("ICE_SERVERS", "MANAGEMENT_URL", "STATS"):
            stage["environment_variables"][name] = self.environment[name]
        path.write_text(json.dumps(config), "utf-8")
