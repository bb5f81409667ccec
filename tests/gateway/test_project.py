"""Loading a Chalice project, again and again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from infra.local.errors import DeskError
from infra.local.project import Project

APP = """
from chalice import Chalice
from chalicelib import words
app = Chalice(app_name="small")
app.greeting = words.GREETING
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A project; what loading it does to this process is undone."""
    before: dict[str, ModuleType] = {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if name == "app" or name.split(".")[0] == "chalicelib"
    }
    path, environment = list(sys.path), dict(os.environ)
    (tmp_path / ".chalice").mkdir()
    (tmp_path / "chalicelib").mkdir()
    (tmp_path / "chalicelib" / "__init__.py").touch()
    write(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] in {"app", "chalicelib"}]:
        del sys.modules[name]
    sys.modules.update(before)
    sys.path[:] = path
    os.environ.clear()
    os.environ.update(environment)


def write(directory: Path, greeting: str = "'hello'", config: str = "") -> None:
    (directory / "app.py").write_text(APP)
    (directory / "chalicelib" / "words.py").write_text(f"GREETING = {greeting}")
    config = config or '{"version": "2.0", "app_name": "small"}'
    (directory / ".chalice" / "config.json").write_text(config)


def test_load(directory: Path) -> None:
    project = Project(directory, "local")
    app = project.load()
    assert (project.name, project.path) == ("small", "api")
    assert (app.app_name, app.greeting) == ("small", "hello")


def test_loading_again_takes_what_is_new(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    project = Project(directory, "local")
    project.load()
    write(directory, greeting="'howdy'")
    assert project.load().greeting == "howdy"


@pytest.mark.parametrize(
    ("greeting", "blamed"),
    [("(", "words.py"), ("1 / 0", "ZeroDivisionError"), ("nobody", "NameError")],
)
def test_what_does_not_load_says_where_and_leaves_the_old(
    directory: Path, greeting: str, blamed: str
) -> None:
    project = Project(directory, "local")
    project.load()
    old = sys.modules["chalicelib.words"]
    write(directory, greeting=greeting)
    with pytest.raises(DeskError, match=blamed) as error:
        project.load()
    assert "\n" not in str(error.value)
    assert sys.modules["chalicelib.words"] is old


def test_the_stages_environment_yields_to_the_real_one(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REAL", "here")
    for colour in ("red", "blue"):
        variables = f'{{"REAL": "config", "COLOUR": "{colour}"}}'
        stages = f'{{"stages": {{"local": {{"environment_variables": {variables}}}}}}}'
        write(directory, config=stages)
        Project(directory, "local").set_environment()
        assert os.environ["REAL"] == "here"
    assert os.environ["COLOUR"] == "red"  # another project's: real by now


def test_a_changed_configuration_changes_the_environment(directory: Path) -> None:
    write(directory, config='{"environment_variables": {"COLOUR": "red"}}')
    project = Project(directory, "local")
    project.load()
    write(directory, config='{"environment_variables": {"COLOUR": "blue"}}')
    project.load()
    assert os.environ["COLOUR"] == "blue"


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(DeskError, match=r"No Chalice project in .* is missing"):
        Project(tmp_path, "local")


def test_a_configuration_that_is_no_json(directory: Path) -> None:
    write(directory, config="{")
    with pytest.raises(DeskError, match="is not JSON"):
        Project(directory, "local")


def test_an_app_that_is_none(directory: Path) -> None:
    (directory / "app.py").write_text("app = 1")
    with pytest.raises(DeskError, match="is not a Chalice application"):
        Project(directory, "local").load()
