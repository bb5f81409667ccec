"""HTTP as curl would speak it: any body, any content type, no surprises."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Status, headers (lower case) and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(
    method: str,
    url: str,
    body: bytes | None = None,
    content_type: str | None = None,
    authorization: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    more = dict(headers or {})
    asked = urllib.request.Request(url, data=body, headers=more, method=method)  # noqa: S310
    if content_type:
        asked.add_header("Content-Type", content_type)
    if authorization:
        asked.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
            return _answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.headers, error.read())


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers.items()}, body)


def post(url: str, body: Any) -> Answer:
    return request("POST", url, json.dumps(body).encode(), "application/json")
