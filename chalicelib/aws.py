"""botocore, made ready for two services only.

boto3 would look through the folders of four hundred services for each client, and read a list of
all their endpoints, before it makes one: half of a cold start. What a client does is the same.
"""

from __future__ import annotations

from typing import Any

from botocore.loaders import Loader
from botocore.session import Session

SERVICES = ("apigatewaymanagementapi", "dynamodb")


class _OurData(Loader):
    """botocore's data as it ships it, as far as these services need them."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - the base's
        return list(SERVICES)

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        if name == "endpoints":
            # A client asks its service's own rules where the endpoint is; this list came before
            # them, and is consulted for what it may add to a place that the rules have named.
            return {"version": 3, "partitions": []}, f"{self.BUILTIN_DATA_PATH}/endpoints"
        found: tuple[Any, str] = super().load_data_with_path(name)
        return found


def session() -> Session:
    """A session whose `create_client` knows SERVICES. As any other, it makes one at a time."""
    made = Session()
    made.register_component("data_loader", _OurData())
    return made
