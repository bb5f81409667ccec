"""The AWS calls that a handler makes, taken down, and made again with nothing around them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from botocore import xform_name
from botocore.client import BaseClient

_pool = ThreadPoolExecutor(64)


@dataclass(frozen=True)
class Call:
    """One call of one client."""

    client: BaseClient
    operation: str
    parameters: dict[str, Any]

    @property
    def service(self) -> str:
        return str(self.client.meta.service_model.service_name)

    @property
    def method(self) -> str:
        return xform_name(self.operation)

    def make(self) -> object:
        with contextlib.suppress(self.client.exceptions.ClientError):
            return getattr(self.client, self.method)(**self.parameters)
        return None


@contextlib.contextmanager
def recording(look: Callable[[Call], object] = id) -> Iterator[list[Call]]:
    """Every call that any client makes while the block runs; `look` sees each before it is made."""
    calls: list[Call] = []
    looking: list[bool] = []  # what `look` calls itself is not taken down
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def take_down(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        call = Call(self, operation, parameters)
        if not any(looking):
            looking.append(True)
            look(call)
            looking.clear()
            calls.append(call)
        return make(self, operation, parameters)

    BaseClient._make_api_call = take_down  # type: ignore[attr-defined]
    try:
        yield calls
    finally:
        BaseClient._make_api_call = make  # type: ignore[attr-defined]


def replay(calls: list[Call]) -> Callable[[], None]:
    """The same calls, bare: one after the other, and several posts in a row side by side."""
    batches = [list(batch) for _, batch in groupby(calls, key=lambda call: call.operation)]

    def make() -> None:
        for batch in batches:
            if len(batch) == 1 or batch[0].service == "dynamodb":
                for call in batch:
                    call.make()
            else:
                list(_pool.map(Call.make, batch))

    return make
