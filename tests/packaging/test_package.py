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

from infra.aws.bytecode import precompile
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


def packaged(project: Path, stage: str, out: Path) -> Path:
    """The folder that `chalice package` fills for a stage, without a network."""
    if not WHEELS.is_dir():
        missing("the wheels of the Lambda package (make setup)")
    subprocess.run(
        ["chalice", "package", "--stage", stage, str(out)],
        cwd=project,
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


@pytest.fixture(params=["dev", "prod"])
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return packaged(project_copy(tmp_path / "project"), request.param, tmp_path / "out")


def test_the_package_holds_the_service_and_nothing_else(package: Path) -> None:
    with zipfile.ZipFile(package / "deployment.zip") as archive:
        files = set(archive.namelist())
    ours = {str(f.relative_to(ROOT)) for f in (ROOT / "chalicelib").rglob("*.py")} | {"app.py"}
    chalice = {"chalice/app.py", "chalice/__init__.py"}
    rest = files - ours - chalice
    assert ours <= files
    assert chalice <= files
    assert {name.split("/")[0] for name in rest} == {
        "jwt",
        "msgspec",
        "msgspec-0.22.0.dist-info",
        "pyjwt-2.15.1.dist-info",
    }


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


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """What the deploy command sends, as Lambda unpacks it."""
    project = project_copy(tmp_path / "project")
    precompile(project)
    archive = packaged(project, "dev", tmp_path / "out") / "deployment.zip"
    shutil.unpack_archive(archive, tmp_path / "task")
    return tmp_path / "task"


def loaded(task: Path) -> str:
    """Where Python takes modules from, in its own words; msgspec is for Lambda's processor."""
    said = subprocess.run(
        [sys.executable, "-v", "-B", "-c", "import app, chalicelib.signaling"],
        cwd=task,
        env={"PYTHONPATH": str(task)},
        check=True,
        capture_output=True,
        text=True,
    )
    return said.stderr


def test_what_is_deployed_need_not_be_compiled(unpacked: Path) -> None:
    said = loaded(unpacked)
    for name in ("app", "chalice/app", "chalicelib/signaling", "chalicelib/rooms"):
        folder, _, module = f"/{name}".rpartition("/")
        assert f"code object from '{unpacked}{folder}/__pycache__/{module}.cpython" in said
    assert f"code object from {unpacked}" not in said  # that would be a source


def test_other_sources_are_never_run_by_what_was_compiled_before(unpacked: Path) -> None:
    with (unpacked / "chalicelib" / "rooms.py").open("a") as source:
        source.write("changed = True\n")
    assert f"code object from {unpacked}/chalicelib/rooms.py" in loaded(unpacked)
