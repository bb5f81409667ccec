"""Whoever issues tokens: the command, and the example for a backend."""

from __future__ import annotations

import runpy
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.access import ISSUING, keys_from_table, parse_keys
from chalicelib.rooms import Pass, Role, RoomId
from chalicelib.tokens import Secrets, Terms, TokenPasses
from chalicelib.wiring import SystemClock
from infra.aws.errors import DeployError
from infra.aws.keys import Keys
from infra.local.tables import create_tables
from infra.token.__main__ import main, parser
from infra.token.__main__ import token as issued
from tests.parts import ROOT, TEMPLATE

GARDEN = RoomId("garden")
KEYS = f"k1:{'s' * 43}"


def read(token: str, keys: str = KEYS, terms: Terms | None = None) -> Pass:
    passes = TokenPasses([Secrets(parse_keys(keys))], terms or Terms(), SystemClock())
    return passes.read(token)


def command(*arguments: str, **environment: str) -> str:
    return issued(parser().parse_args(arguments), {"TOKEN_KEYS": KEYS, **environment})


def test_a_token_for_a_room() -> None:
    pass_ = read(command("--room", "garden", "--subject", "ada", "--hours", "2"))
    assert (pass_.subject, set(pass_.rooms), pass_.role) == ("ada", {"garden"}, Role.MEMBER)
    assert pass_.expires is not None
    assert 7190 < pass_.expires / 1000 - time.time() <= 7200


def test_a_token_for_rooms_of_a_beginning_or_for_all() -> None:
    assert read(command("--prefix", "team-", "--role", "moderator")).prefix == "team-"
    assert read(command("--role", "admin")).opens(GARDEN)


def test_a_token_says_what_the_deployment_asks_for() -> None:
    terms = {"TOKEN_AUDIENCE": "parley", "TOKEN_ISSUER": "ops"}
    text = command("--room", "garden", **terms)
    assert read(text, terms=Terms("parley", "ops")).opens(GARDEN)


def test_the_command_prints_a_token_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKEN_KEYS", KEYS)
    assert main(["--room", "garden"]) == 0
    said = capsys.readouterr()
    assert read(said.out.strip()).opens(GARDEN)
    assert said.err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "For which rooms?"), (["--room", "r", "--stage", "moon"], "no stage moon")],
)
def test_what_cannot_be_issued_is_said(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("hours", ["0", "-1", "745"])
def test_no_token_outlives_its_key(hours: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--room", "r", "--hours", hours])
    assert "up to 744 hours" in capsys.readouterr().err


def test_the_desks_key_stands_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    text = issued(
        parser().parse_args(["--room", "garden"]), {"TOKEN_KEYS": "", "TOKEN_KEY_FILE": str(file)}
    )
    assert read(text, file.read_text()).opens(GARDEN)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
        client = boto3.client("dynamodb", region_name="eu-central-1")
        create_tables(client, TEMPLATE, {"TableName": "parley-prod"})
        yield client


def test_a_stages_key_stands_in_its_table_beside_the_one_that_signs(table: Any) -> None:
    Keys(table, "parley-prod", timedelta(days=1)).make()
    given = parser().parse_args(["--room", "garden", "--stage", "prod"])
    with pytest.raises(DeployError, match="--token-key"):
        issued(given, {})
    Keys(table, "parley-prod", timedelta(days=31), item=ISSUING).make()
    issuing = keys_from_table(table, "parley-prod", ISSUING)
    assert read(issued(given, {}), issuing).opens(GARDEN)
    assert issuing != keys_from_table(table, "parley-prod")


def test_a_leaked_key_is_withdrawn(table: Any) -> None:
    keys = Keys(table, "parley-prod", timedelta(days=31), item=ISSUING)
    keys.make()
    assert len(keys.rotate()) == 2
    (left,) = keys.rotate(withdraw=True)
    assert keys.ids() == [left]


def test_the_example_for_a_backend_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_TOKEN_KEY", KEYS)
    example = runpy.run_path(str(ROOT / "docs" / "issuing_tokens.py"))
    pass_ = read(example["token_for"]("ada", "garden"))
    assert (pass_.subject, set(pass_.rooms)) == ("ada", {"garden"})


def test_help_says_how() -> None:
    text = parser().format_help()
    for word in ("--room", "--prefix", "--subject", "--role", "--hours", "--stage", "examples"):
        assert word in text
