"""The first half of the lives on DynamoDB Local: a file for each worker that pytest may have."""

from __future__ import annotations

import pytest

from tests.model.dynamo import live
from tests.model.machine import EXAMPLES, SEED


@pytest.mark.timeout(900)
def test_lives_on_dynamodb(dynamodb_endpoint: str) -> None:
    live(dynamodb_endpoint, (EXAMPLES + 1) // 2, 2 * SEED + 0)
