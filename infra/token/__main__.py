"""`python -m infra.token`: a token for a room, or for some, on standard output."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import access
from chalicelib.rooms import Role
from infra.aws import checks
from infra.aws.errors import DeployError, Refused, explain
from infra.aws.keys import ISSUED_FOR, ISSUING, Keys
from infra.token.issue import issue

PROJECT = Path(__file__).resolve().parents[2]
DESK = "local"
LONGEST = ISSUED_FOR.days * 24  # hours

DESCRIPTION = "Issue a token for a deployment that asks for one (ACCESS=token)."
EPILOG = """\
examples:
  python -m infra.token --room garden --subject ada            for the desk, an hour
  python -m infra.token --stage prod --prefix team- --hours 8  for rooms whose names begin so
  python -m infra.token --stage prod --role admin --subject ops

The desk's key is in its file (TOKEN_KEY_FILE, made if it is not there), a stage's in its table,
where `python -m infra.aws deploy --token-key` puts it. Whoever has the token is let in: give it to
nobody else, and put it into no URL but behind a #.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a token; the exit code."""
    given = parser().parse_args(arguments)
    try:
        print(token(given, os.environ))
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(explain(error), file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m infra.token",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--room", action="append", default=[], help="a room; as often as needed")
    found.add_argument("--prefix", help="rooms whose names begin so; '' is all of them")
    found.add_argument("--subject", default="operator", help="whom it is for (default: operator)")
    found.add_argument("--role", choices=[role.value for role in Role], default="member")
    found.add_argument("--hours", type=hours, default=1, help=f"how long, up to {LONGEST} (1)")
    found.add_argument("--stage", default=DESK, help=f"default: {DESK}, which is the desk")
    found.add_argument("--region", help="default: AWS_REGION, AWS_DEFAULT_REGION, the profile's")
    return found


def hours(text: str) -> float:
    """More than none, and no more than keys are kept for."""
    found = float(text)
    if not 0 < found <= LONGEST:
        raise argparse.ArgumentTypeError(f"a token lasts up to {LONGEST} hours")
    return found


def token(given: argparse.Namespace, environment: Mapping[str, str]) -> str:
    """Raises DeployError if there is nothing to sign with, or nothing it would open."""
    if not given.room and given.prefix is None and given.role != Role.ADMIN:
        raise Refused("For which rooms? Say --room NAME or --prefix BEGINNING.")
    settings = configured(given.stage, environment)
    terms = {"aud": settings.get("TOKEN_AUDIENCE"), "iss": settings.get("TOKEN_ISSUER")}
    return issue(
        key(given, settings),
        given.subject,
        timedelta(hours=given.hours),
        given.room,
        given.prefix,
        given.role,
        **{name: value for name, value in terms.items() if value},
    )


def configured(stage: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The stage's settings; what the environment says goes before them."""
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text("utf-8"))
    if stage not in config["stages"]:
        raise Refused(f"There is no stage {stage} in .chalice/config.json.")
    names = ("TABLE_NAME", "TOKEN_AUDIENCE", "TOKEN_ISSUER", "TOKEN_KEYS", "TOKEN_KEY_FILE")
    given = {name: environment[name] for name in names if environment.get(name)}
    return {**config["stages"][stage]["environment_variables"], **given}


def key(given: argparse.Namespace, settings: Mapping[str, str]) -> tuple[str, str]:
    """The newest key of the stage."""
    text = settings.get("TOKEN_KEYS")
    if file := settings.get("TOKEN_KEY_FILE"):
        text = text or access.keys_from_file(PROJECT / file)
    if text:
        key_id, secret = next(iter(access.parse_keys(text, "TOKEN_KEYS").items()))
        return key_id, secret.decode()
    session = boto3.Session()
    region = checks.check_region(session, given.region or os.environ.get("AWS_REGION"))
    client = session.client("dynamodb", region_name=region)
    return Keys(client, settings["TABLE_NAME"], ISSUED_FOR, item=ISSUING).newest()


if __name__ == "__main__":
    sys.exit(main())
