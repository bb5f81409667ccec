"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import parts

os.environ.update(
    AWS_ACCESS_KEY_ID="desk",
    AWS_SECRET_ACCESS_KEY="desk",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
)


@pytest.fixture(scope="session")
def dynamodb_endpoint() -> Iterator[str]:
    """DynamoDB Local, one for the session."""
    with parts.dynamodb_local() as endpoint:
        yield endpoint
