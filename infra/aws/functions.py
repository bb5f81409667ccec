"""The code, by Chalice's own command, in a copy of the project that is made for the target.

The copy is compiled for Lambda, gives the policy the real account, region and API, and lets the
environment add what the committed configuration cannot know.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.aws.bytecode import precompile
from infra.aws.clients import Client
from infra.aws.errors import DeployError, one_line
from infra.aws.plan import Say
from infra.aws.record import value
from infra.aws.target import HANDLERS, Target

# What the operator's environment may add to the functions', and to the stage.
PASSED_ON = (
    "ACCESS",
    "ICE_SERVERS",
    "JWKS_URL",
    "MANAGEMENT_URL",
    "ORIGINS",
    "STATS",
    "TOKEN_AUDIENCE",
    "TOKEN_ISSUER",
    "TURN_URLS",
)
ARCHITECTURE = "LAMBDA_ARCHITECTURE"

PACKED = ("app.py", "requirements.txt", "chalicelib", "vendor")
CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"


def configuration(target: Target, environment: Mapping[str, str], page: str = "") -> dict[str, Any]:
    """.chalice/config.json for this deployment, whose page has that origin."""
    config = copy.deepcopy(target.config)
    stage = config["stages"][target.stage]
    added = {name: environment[name] for name in PASSED_ON if environment.get(name)}
    own = {"ORIGINS": page} if page else {}
    stage["environment_variables"] = {**own, **target.environment, **added}
    if environment.get(ARCHITECTURE):
        stage["lambda_architecture"] = environment[ARCHITECTURE]
    return config


def policy(target: Target, websocket_api: str = "") -> dict[str, Any]:
    """The stage's policy, with every `*` that stands for account, region or API filled in."""
    name = target.config["stages"][target.stage]["iam_policy_file"]
    path = target.project / ".chalice" / name
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    for statement in document["Statement"]:
        found = statement["Resource"]
        if isinstance(found, list):
            statement["Resource"] = [_precise(arn, target, websocket_api) for arn in found]
        else:
            statement["Resource"] = _precise(found, target, websocket_api)
    return document


def _precise(arn: str, target: Target, websocket_api: str) -> str:
    if not arn.startswith("arn:"):
        return arn
    _, _, service, region, account, what = arn.split(":", 5)
    region = target.region if region == "*" else region
    account = target.account if account == "*" else account
    if service == "execute-api" and websocket_api:
        what = what.replace("*/", f"{websocket_api}/", 1)
    return ":".join(["arn", target.partition, service, region, account, what])


class Functions:
    """What Chalice deploys and deletes."""

    def __init__(self, iam: Client, target: Target, say: Say, environment: Mapping[str, str]):
        self._iam = iam
        self._target = target
        self._say = say
        self._environment = environment

    @property
    def settings(self) -> dict[str, str]:
        """What the functions will find in their environment, as far as that is known before."""
        found = configuration(self._target, self._environment)["stages"][self._target.stage]
        return {"ACCESS": "token", **found["environment_variables"]}

    def deploy(self, record: Mapping[str, Any], page: str) -> None:
        """`chalice deploy`, which goes on from the record."""
        self._furnish(record, page)
        self._chalice("deploy")

    def delete(self, record: Mapping[str, Any]) -> None:
        """`chalice delete` of what is recorded."""
        self._furnish(record)
        self._chalice("delete")
        shutil.rmtree(self._target.workshop, ignore_errors=True)

    def narrow(self, record: Mapping[str, Any]) -> None:
        """Let the roles speak to this deployment's sockets only, now that its API is known."""
        document = policy(self._target, value(record, "websocket_api", "websocket_api_id"))
        for handler in HANDLERS:
            role = self._target.role(handler)
            self._iam.put_role_policy(
                RoleName=role, PolicyName=role, PolicyDocument=json.dumps(document)
            )

    def recorded(self) -> Path:
        """Where Chalice writes its record."""
        return recorded_in(self._target.workshop, self._target.stage)

    # -- the workshop ----------------------------------------------------------------------------

    def _furnish(self, record: Mapping[str, Any], page: str = "") -> None:
        self._clear()
        shop, project = self._target.workshop, self._target.project
        for name in PACKED:
            if (source := project / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
                shutil.copytree(source, shop / name, ignore=ignored)
            elif source.exists():
                shutil.copy(source, shop / name)
        if self.settings.get("JWKS_URL"):
            add_requirements(shop / "requirements.txt", project / "requirements-jwks.txt")
        precompile(shop)
        config = configuration(self._target, self._environment, page)
        write(shop / ".chalice" / "config.json", config)
        name = config["stages"][self._target.stage]["iam_policy_file"]
        api = value(record, "websocket_api", "websocket_api_id")
        write(shop / ".chalice" / name, policy(self._target, api))
        write(self.recorded(), record)

    def _clear(self) -> None:
        """Empty the workshop: Chalice would take only the sources from a package that it finds."""
        shutil.rmtree(self._target.workshop, ignore_errors=True)
        self._target.workshop.mkdir(parents=True)

    def _chalice(self, verb: str) -> None:
        command = [sys.executable, "-c", CHALICE, verb, "--stage", self._target.stage]
        with subprocess.Popen(
            command,
            cwd=self._target.workshop,
            env={
                **os.environ,
                "AWS_DEFAULT_REGION": self._target.region,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as chalice:
            assert chalice.stdout is not None  # noqa: S101 - asked for above
            said = list(self._told(chalice.stdout))
        if chalice.returncode:
            raise DeployError(f"`chalice {verb}` failed: {what_failed(said)}")

    def _told(self, lines: Iterable[str]) -> Iterator[str]:
        """Each line, and tell it, but for how Chalice's own code came to fail."""
        telling = True
        for line in lines:
            telling = telling and not line.startswith("Traceback")
            if telling and line.strip():
                self._say(f"    chalice: {line.rstrip()}")
            yield line


def what_failed(said: Sequence[str]) -> str:
    """Chalice's error, without the way to it."""
    text = "".join(said)
    _, found, reason = text.rpartition("ERROR - ")
    if found:
        return one_line(reason)
    return next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")


def add_requirements(packed: Path, more: Path) -> None:
    """Public keys need a library that is larger than all the rest: only who uses them packs it."""
    packed.write_text(packed.read_text("utf-8") + more.read_text("utf-8"), "utf-8")


def recorded_in(project: Path, stage: str) -> Path:
    return project / ".chalice" / "deployed" / f"{stage}.json"


def write(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
