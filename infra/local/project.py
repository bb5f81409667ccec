"""A Chalice project on disk: its configuration for one stage, and its application."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from chalice import Chalice
from chalice.config import Config
from chalice.local import LocalChalice

from infra.local.errors import DeskError


class Project:
    """One stage of the Chalice project in a directory."""

    def __init__(self, directory: Path, stage: str) -> None:
        self.directory = directory.resolve()
        self.stage = stage
        self.config = self.read_config()
        self._from_config: set[str] = set()
        self._loading = threading.Lock()

    @property
    def name(self) -> str:
        return str(self.config.app_name or self.directory.name)

    @property
    def path(self) -> str:
        """The API's own stage, the first part of every path on AWS; not Chalice's stage."""
        return str(self.config.api_gateway_stage)

    @property
    def app_file(self) -> Path:
        return self.directory / "app.py"

    def read_config(self) -> Config:
        """The stage's configuration, from .chalice/config.json."""
        path = self.directory / ".chalice" / "config.json"
        try:
            on_disk: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise DeskError(f"No Chalice project in {self.directory}: {path} is missing.") from None
        except ValueError as error:
            raise DeskError(f"{path} is not JSON: {error}.") from None
        defaults = {"project_dir": str(self.directory), "api_gateway_stage": "api"}
        return Config(chalice_stage=self.stage, config_from_disk=on_disk, default_params=defaults)

    def load(self) -> Chalice:
        """The application, imported afresh; whatever fails is a DeskError that says where."""
        with self._loading:
            self.config = self.read_config()
            self.set_environment()
            before = self._take_out()
            try:
                return served_locally(self._import())
            except BaseException:
                self._take_out()
                sys.modules.update(before)
                raise

    def _import(self) -> Chalice:
        if str(self.directory) not in sys.path:
            sys.path.insert(0, str(self.directory))
        importlib.invalidate_caches()
        if not self.app_file.is_file():  # or another `app` on the path would do
            raise DeskError(f"{self.app_file} is missing.")
        try:
            app = importlib.import_module("app").app
        except Exception as error:
            raise DeskError(f"{self.app_file} does not load: {blame(error)}") from error
        if not isinstance(app, Chalice):
            raise DeskError(f"`app` in {self.app_file} is not a Chalice application.")
        return app

    def set_environment(self) -> None:
        """The stage's environment variables; what the real environment says goes before them."""
        for name, value in self.config.environment_variables.items():
            if name in self._from_config or name not in os.environ:
                os.environ[name] = str(value)
                self._from_config.add(name)

    def _take_out(self) -> dict[str, ModuleType]:
        """Forget the project's modules, so that the next import reads them again."""
        own = {name: module for name, module in sys.modules.items() if self._owns(module)}
        for name in own:
            del sys.modules[name]
        return own

    def _owns(self, module: ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        if not file:
            return False
        path = Path(file)
        library = self.directory / "chalicelib"
        return path == self.app_file or path.is_relative_to(library)


def served_locally(app: Chalice) -> Chalice:
    """The application with one `current_request` per thread, as Chalice's own server makes it."""
    app.__class__ = type("Local", (LocalChalice, app.__class__), {})
    return app


def blame(error: Exception) -> str:
    """The error in one line, with the place where it happened."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno} of {error.filename}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (line {frames[-1].lineno} of {frames[-1].filename})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
