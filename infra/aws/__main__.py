"""`python -m infra.aws`: Parley onto AWS, and off again."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import checks, plan
from infra.aws.clients import Clients, connect
from infra.aws.deployment import Deployment
from infra.aws.errors import DeployError, Refused, explain
from infra.aws.record import if_there
from infra.aws.target import Target

PROJECT = Path(__file__).resolve().parents[2]

DESCRIPTION = "Put Parley on AWS, take it off again, see how it stands, renew its signing key."
EPILOG = """\
examples:
  python -m infra.aws deploy --stage dev --region eu-central-1
  python -m infra.aws deploy --stage prod --set AlarmEmail=ops@example.org --dry-run
  python -m infra.aws deploy --stage prod --token-key
  python -m infra.aws rotate --stage prod

Each may be run again at any time; what was interrupted is finished by the same command.
Credentials and region come as the AWS command line takes them (AWS_PROFILE, …). What --set has set
stays until it is set again.

environment:
  ICE_SERVERS           STUN and TURN servers for the functions of this deployment
  ACCESS, JWKS_URL, TOKEN_AUDIENCE, TOKEN_ISSUER, STATS, ORIGINS
                        who may enter, see API_DOC.md; ORIGINS is the page's own if nothing says
                        otherwise
  TURN_URLS             a TURN server that shares secrets with it (infra/coturn/README.md)
  TURN_SECRETS          these secrets, if others than those that are made here
  LAMBDA_ARCHITECTURE   arm64 or x86_64, instead of what .chalice/config.json says
  EXECUTE_API_REST, EXECUTE_API_WEBSOCKET, MANAGEMENT_URL
                        templates over {api}, {region} and {stage}: where clients and functions find
                        the APIs, if not at API Gateway's own addresses
"""


def main(arguments: Sequence[str] | None = None, tools: checks.Tools | None = None) -> int:
    """Run one command; the exit code."""
    given = parser().parse_args(arguments)
    try:
        COMMANDS[given.command](given, tools or checks.Tools.here())
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(explain(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m infra.aws",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("command", choices=list(COMMANDS))
    found.add_argument("--stage", help="dev or prod")
    found.add_argument("--region", help="default: AWS_REGION, AWS_DEFAULT_REGION, the profile's")
    found.add_argument("--dry-run", action="store_true", help="say what would happen")
    found.add_argument("--yes", action="store_true", help="destroy without asking")
    found.add_argument(
        "--token-key",
        action="store_true",
        help="deploy: make a key to issue tokens with, unless there is one; rotate: replace it",
    )
    found.add_argument(
        "--withdraw",
        action="store_true",
        help="rotate: the former keys verify no longer (after a leak)",
    )
    found.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of infra/aws/template.yaml",
    )
    return found


def say(line: str) -> None:
    print(line, flush=True)


# -- what all commands begin with ----------------------------------------------------------------


def find(given: argparse.Namespace) -> tuple[Clients, Target]:
    """The stage where it is, after everything that can be checked without changing anything."""
    stage = checks.check_stage(PROJECT, given.stage)
    session = boto3.Session()
    region = checks.check_region(session, given.region or os.environ.get("AWS_REGION"))
    target = checks.locate(PROJECT, stage, region, os.environ)
    clients = connect(session, region)
    target = checks.check_credentials(clients, target)
    checks.check_permissions(clients, target)
    checks.check_home(clients, target)
    return clients, target


def parameters(given: argparse.Namespace) -> dict[str, str]:
    if wrong := [text for text in given.set if "=" not in text]:
        raise Refused(f"--set takes NAME=VALUE, not {wrong[0]}.")
    return dict(text.split("=", 1) for text in given.set)


def deployment(clients: Clients, target: Target, given: argparse.Namespace) -> Deployment:
    return Deployment(clients, target, parameters(given), os.environ, say, given.token_key)


# -- the commands --------------------------------------------------------------------------------


def deploy(given: argparse.Namespace, tools: checks.Tools) -> None:
    checks.check_tools(tools, PROJECT)
    clients, target = find(given)
    it = deployment(clients, target, given)
    checks.check_parameters(target, parameters(given))
    checks.check_table(clients, target, it.stack)
    checks.check_settings(it.functions.settings)
    has_key = given.token_key or if_there(it.issuing.ids)
    checks.check_access(target, it.functions.settings, bool(has_key))
    checks.check_turn(target, os.environ)
    say(f"Stage {target.stage} in {target.region}, account {target.account}.")
    for line in checks.pending_changes(PROJECT):
        say(f"Not committed, but deployed all the same: {line}")
    if warning := checks.turn_warning(target, os.environ):
        say(f"Warning: {warning}")
    say("What is to be done:")
    plan.show(it.steps(), say)
    if given.dry_run:
        say("Nothing was changed (--dry-run).")
        return
    plan.carry_out(it.steps(), say)
    tell(it)


def destroy(given: argparse.Namespace, _tools: checks.Tools) -> None:
    clients, target = find(given)
    it = deployment(clients, target, given)
    say(f"Stage {target.stage} in {target.region}, account {target.account}.")
    say("What is to be done:")
    plan.show(it.steps_back(), say)
    if given.dry_run:
        say("Nothing was changed (--dry-run).")
        return
    if not given.yes and not confirmed(target):
        raise Refused("Nothing was destroyed.")
    plan.carry_out(it.steps_back(), say)
    kept = f" Table {target.table} is kept, with rooms and signing key." if target.durable else ""
    say(f"Stage {target.stage} is gone.{kept}")


def confirmed(target: Target) -> bool:
    """Whether the person at the terminal types the stage's name."""
    try:
        return input(f"Type {target.stage} to destroy it: ").strip() == target.stage
    except EOFError:
        return False


def status(given: argparse.Namespace, _tools: checks.Tools) -> None:
    """How it stands; the record comes along, for a bare `chalice deploy`."""
    clients, target = find(given)
    it = deployment(clients, target, given)
    if not it.stack.status():
        say(f"Stage {target.stage} is not deployed in {target.region}, account {target.account}.")
        return
    say(f"Stack {target.stack}: {it.stack.status()}")
    for resource in it.keep_record()["resources"]:
        say(f"  {resource['resource_type']}: {resource['name']}")
    say(f"  signing keys: {', '.join(it.keys.ids()) or 'none'}")
    say(f"  token keys: {', '.join(it.issuing.ids()) or 'none'}")
    tell(it)


def rotate(given: argparse.Namespace, _tools: checks.Tools) -> None:
    clients, target = find(given)
    it = deployment(clients, target, given)
    if not it.stack.status():
        raise Refused(f"Stage {target.stage} is not deployed in {target.region}.")
    keys = it.issuing if given.token_key else it.keys
    if given.dry_run:
        say(f"A new key would be put before {', '.join(keys.ids())}.")
        return
    ids = keys.rotate(given.withdraw)
    say(f"{ids[0]} signs from now on; these verify: {', '.join(ids)}.")


def rotate_turn(given: argparse.Namespace, _tools: checks.Tools) -> None:
    clients, target = find(given)
    it = deployment(clients, target, given)
    if given.dry_run:
        say("The next TURN secret would sign, and there would be a new next one.")
        return
    it.turn.rotate()
    say("The next TURN secret signs from now on: tell the server (infra/coturn/README.md).")


def turn_secrets(given: argparse.Namespace, _tools: checks.Tools) -> None:
    """What the TURN server has to accept, one a line, for take-secrets and no terminal."""
    clients, target = find(given)
    secrets = deployment(clients, target, given).turn.all()
    if not secrets:
        raise Refused("There are no TURN secrets: deploy with TURN_URLS in the environment.")
    for secret in secrets:
        say(secret)


def tell(it: Deployment) -> None:
    """Where it can be reached."""
    found = it.addresses()
    say(f"REST       {found['api']}")
    say(f"WebSocket  {found['websocket']}")
    say(f"Page       {it.stack.outputs()['Page']}")


COMMANDS: dict[str, Callable[[argparse.Namespace, checks.Tools], None]] = {
    "deploy": deploy,
    "destroy": destroy,
    "status": status,
    "rotate": rotate,
    "rotate-turn": rotate_turn,
    "turn-secrets": turn_secrets,
}

if __name__ == "__main__":
    sys.exit(main())
