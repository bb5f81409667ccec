"""The application's handlers, run as Lambda runs them: at once, in any order, up to a limit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from chalice import Chalice
from chalice.config import Config
from chalice.local import LambdaContext

from infra.local.errors import IntegrationFailed, IntegrationTimedOut, NoRoute
from infra.local.events import Event
from infra.local.workers import Workers

T = TypeVar("T")

log = logging.getLogger("gateway")

FUNCTIONS = {
    "$connect": "websocket_connect",
    "$default": "websocket_message",
    "$disconnect": "websocket_disconnect",
}


class Handlers:
    """The functions of a deployed application; `deploy` puts a newer one in their place."""

    def __init__(
        self, app: Chalice, config: Config, workers: Workers, limit: float, endpoint: str = ""
    ) -> None:
        self.workers = workers
        self.limit = limit
        self.endpoint = endpoint
        self.deploy(app, config)

    def deploy(self, app: Chalice, config: Config) -> None:
        """From now on events go to this application; those under way end in the old one."""
        # Chalice's own `app.websocket_api` only knows https://{domain}/{stage}.
        app.websocket_api._endpoint = self.endpoint or None  # noqa: SLF001
        self.app, self.config = app, config

    def has(self, route: str) -> bool:
        return route in self.app.websocket_handlers

    async def invoke(self, route: str, event: Event) -> dict[str, Any]:
        """Run the route's handler on the event: the one door to the application's sockets.

        Raises NoRoute, IntegrationTimedOut or IntegrationFailed.
        """
        function = self._function(route)
        context = self._context(FUNCTIONS[route])
        try:
            result = await self.run(lambda: function(event, context))
        except IntegrationFailed as failure:
            log.error("%s failed", route, exc_info=failure.__cause__)
            raise
        return dict(result or {})

    async def run(self, call: Callable[[], T]) -> T:
        """The call's result within the integration limit."""
        try:
            return await self.workers.run(call, self.limit)
        except IntegrationTimedOut:
            raise
        except (Exception, SystemExit) as error:
            raise IntegrationFailed from error

    def _function(self, route: str) -> Callable[[Event, LambdaContext], dict[str, Any] | None]:
        if not self.has(route):
            raise NoRoute
        handler: Callable[[Event, LambdaContext], dict[str, Any] | None]
        handler = self.app.handler_map[self.app.websocket_handlers[route].name]
        return handler

    def _context(self, function: str) -> LambdaContext:
        scoped = self.config.scope(self.config.chalice_stage, function)
        return LambdaContext(
            function_name=f"{self.app.app_name}-{self.config.chalice_stage}-{function}",
            memory_size=scoped.lambda_memory_size or 128,
            max_runtime_ms=(scoped.lambda_timeout or 60) * 1000,
        )
