"""New code under open sockets, as a deployment to Lambda brings it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from watchfiles import Change, awatch

from infra.local.errors import DeskError
from infra.local.handlers import Handlers
from infra.local.project import Project


async def keep_current(project: Project, handlers: Handlers) -> None:
    """Deploy the project anew whenever its code or its configuration changes."""
    # Each directory by itself: the project's own may hold node_modules, which nobody wants watched.
    await asyncio.gather(
        deploy_changes(project, handlers, project.directory, recursive=False),
        deploy_changes(project, handlers, project.directory / "chalicelib", recursive=True),
        deploy_changes(project, handlers, project.directory / ".chalice", recursive=False),
    )


async def deploy_changes(
    project: Project, handlers: Handlers, directory: Path, *, recursive: bool
) -> None:
    """Watch one directory, if it is there, for as long as it runs."""
    if not directory.is_dir():
        return
    async for changes in awatch(
        directory, watch_filter=matters, recursive=recursive, debounce=200, step=50
    ):
        names = sorted({str(Path(path).relative_to(project.directory)) for _, path in changes})
        await deploy(project, handlers, ", ".join(names))


async def deploy(project: Project, handlers: Handlers, changed: str) -> None:
    """Load the application again; what does not load leaves the old handlers in place."""
    try:
        app = await handlers.workers.run(project.load)
    except DeskError as error:
        print(f"Not reloaded: {error}", flush=True)
    else:
        handlers.deploy(app, project.config)
        print(f"Reloaded: {changed}", flush=True)


def matters(_: Change, path: str) -> bool:
    """Whether a change to this file changes the application."""
    return path.endswith(".py") or Path(path).name == "config.json"
