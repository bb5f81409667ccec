"""What goes to Lambda, and what importing it costs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.parts import ROOT, missing

WHEELS = ROOT / ".wheels"


def project_copy(folder: Path) -> Path:
    """The project as `chalice package` sees it in a clean checkout."""
    (folder / ".chalice").mkdir(parents=True)
    for file in (ROOT / ".chalice").glob("*.json"):
        shutil.copy(file, folder / ".chalice")
    shutil.copy(ROOT / "app.py", folder)
    shutil.copy(ROOT / "requirements.txt", folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "chalicelib", folder / "chalicelib", ignore=ignored)
    for beside in ("infra", "tests", "client"):
        (folder / beside).mkdir()
        (folder / beside / "stays-here.py").touch()
    return folder


@pytest.fixture(params=["dev", "prod"])
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder that `chalice package` fills for a stage, without a network."""
    if not WHEELS.is_dir():
        missing("the wheels of the Lambda package (make setup)")
    out = tmp_path / "out"
    subprocess.run(
        ["chalice", "package", "--stage", request.param, str(out)],
        cwd=project_copy(tmp_path / "project"),
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(WHEELS),
        },
        check=True,
        capture_output=True,
    )
    return out


def test_the_package_holds_the_service_and_nothing_else(package: Path) -> None:
    with zipfile.ZipFile(package / "deployment.zip") as archive:
        files = set(archive.namelist())
    ours = {str(f.relative_to(ROOT)) for f in (ROOT / "chalicelib").rglob("*.py")} | {"app.py"}
    chalice = {"chalice/app.py", "chalice/__init__.py"}
    rest = files - ours - chalice
    assert ours <= files
    assert chalice <= files
    assert {name.split("/")[0] for name in rest} == {"msgspec", "msgspec-0.22.0.dist-info"}


def test_the_package_has_all_doors(package: Path) -> None:
    template = json.loads((package / "sam.json").read_text())
    functions = {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert set(functions) == {
        "APIHandler",
        "WebsocketConnect",
        "WebsocketMessage",
        "WebsocketDisconnect",
    }
    for properties in functions.values():
        assert properties["Runtime"] == "python3.11"
        assert properties["Architectures"] == ["arm64"]
        assert properties["Timeout"] <= 29
    routes = {
        resource["Properties"]["RouteKey"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::ApiGatewayV2::Route"
    }
    assert routes == {"$connect", "$default", "$disconnect"}


def test_the_role_may_not_do_everything(package: Path) -> None:
    template = json.loads((package / "sam.json").read_text())
    statements = [
        statement
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::Role"
        for policy in resource["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert statements
    for statement in statements:
        assert "*" not in statement["Action"]
        tracing = all(action.startswith("xray:") for action in statement["Action"])
        assert statement["Resource"] != "*" or tracing, "only tracing knows no resources"


_IMPORT = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("importing app.py opens a socket")
socket.socket.connect = socket.getaddrinfo = refuse
import app
print(*sys.modules)
"""


def test_importing_the_app_builds_no_client_and_needs_no_credentials(tmp_path: Path) -> None:
    imported = subprocess.run(
        [sys.executable, "-c", _IMPORT],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "chalice" in imported
    assert "boto3" not in imported
    assert "botocore.client" not in imported
