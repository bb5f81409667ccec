"""What must hold before anything is touched. Each check ends in a sentence that says what to do."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

from chalicelib import settings
from chalicelib.ice import parse_secrets, parse_urls
from chalicelib.settings import SettingError
from infra.aws.clients import Clients
from infra.aws.errors import UNKNOWN_CALLER, Refused, code_of, explain
from infra.aws.record import if_there
from infra.aws.stack import Stack, parameter_names
from infra.aws.target import HANDLERS, Addresses, Target, turn_urls

PYTHON = (3, 11)  # the Lambda runtime that the tests run on; Chalice deploys whatever runs it
PENDING = ("app.py", "chalicelib", "requirements.txt", ".chalice", "client", "infra/aws")


@dataclass(frozen=True)
class Tools:
    """What this machine brings."""

    python: tuple[int, int]
    chalice: str

    @classmethod
    def here(cls) -> Tools:
        major, minor = sys.version_info[:2]
        return cls((major, minor), importlib.metadata.version("chalice"))


# -- the machine ---------------------------------------------------------------------------------


def check_tools(tools: Tools, project: Path) -> None:
    """Python is the Lambda runtime's, Chalice is the locked one."""
    if tools.python != PYTHON:
        wanted, found = (".".join(map(str, version)) for version in (PYTHON, tools.python))
        raise Refused(
            f"This is Python {found}, and Chalice would make it the Lambda runtime: run the"
            f" command with Python {wanted} (make PYTHON=python{wanted} clean setup)."
        )
    locked = re.search(
        r"^chalice==(\S+)", (project / "requirements-dev.txt").read_text("utf-8"), re.MULTILINE
    )
    if locked and tools.chalice != locked[1]:
        raise Refused(
            f"Chalice {tools.chalice} is installed, {locked[1]} is what the tests ran with:"
            " pip install -r requirements-dev.txt."
        )


def check_stage(project: Path, stage: str | None) -> str:
    """The stage is named, and is one that is deployed."""
    config = json.loads((project / ".chalice" / "config.json").read_text("utf-8"))
    stages = [name for name in config["stages"] if "iam_policy_file" in config["stages"][name]]
    if stage in stages:
        return str(stage)
    known = " or ".join(f"--stage {name}" for name in stages)
    if not stage:
        raise Refused(f"Which stage? Say {known} (with make: STAGE={stages[0]}).")
    raise Refused(f"There is no stage {stage} in .chalice/config.json to deploy: say {known}.")


# -- the account ---------------------------------------------------------------------------------


def check_region(session: boto3.Session, given: str | None) -> str:
    """A region is named, and AWS has it."""
    region = given or session.region_name
    if not region:
        raise Refused("Which region? Say --region eu-central-1, or set AWS_DEFAULT_REGION.")
    known = session.get_available_regions("lambda")
    if region not in known:
        close = ", ".join(name for name in known if name[:3] == region[:3]) or ", ".join(known)
        raise Refused(f"AWS has no region {region}: say --region with one of {close}.")
    return region


def check_credentials(clients: Clients, target: Target) -> Target:
    """Somebody is signed in; the target with their account."""
    try:
        caller = clients.sts.get_caller_identity()
    except (NoCredentialsError, ProfileNotFound):
        raise Refused(
            "There are no AWS credentials: sign in (aws sso login, aws configure), or set"
            " AWS_PROFILE or AWS_ACCESS_KEY_ID."
        ) from None
    except ClientError as error:
        if code_of(error) in UNKNOWN_CALLER:
            raise Refused(explain(error)) from error
        raise
    partition = caller["Arn"].split(":")[1]
    return replace(target, account=caller["Account"], partition=partition)


def check_permissions(clients: Clients, target: Target) -> None:
    """Each service lets the caller look at what will be changed."""
    name = target.functions
    looks: list[Callable[[], Any]] = [
        lambda: clients.cloudformation.list_stacks(),
        lambda: clients.dynamodb.list_tables(Limit=1),
        lambda: clients.iam.get_role(RoleName=target.role(HANDLERS[0])),
        lambda: clients.lambda_.get_function(FunctionName=name),
        lambda: clients.apigateway.get_rest_apis(limit=1),
        lambda: clients.apigatewayv2.get_apis(MaxResults="1"),
        lambda: clients.cloudfront.list_distributions(MaxItems="1"),
        lambda: clients.s3.list_buckets(),
        lambda: clients.logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}"),
    ]
    for look in looks:
        try:
            if_there(look)
        except (BotoCoreError, ClientError) as error:
            raise Refused(explain(error)) from error


def check_home(clients: Clients, target: Target) -> None:
    """The stage does not stand in another region: its roles are the account's, hence only once."""
    role = target.role(HANDLERS[0])
    found = if_there(lambda: clients.iam.get_role_policy(RoleName=role, PolicyName=role))
    homes = set(re.findall(r"arn:[\w-]+:dynamodb:([\w-]+):", json.dumps(found or {}, default=str)))
    if homes and target.region not in homes:
        home = homes.pop()
        raise Refused(
            f"Stage {target.stage} stands in {home}, not in {target.region}: say --region {home},"
            " or destroy it there first."
        )


def check_table(clients: Clients, target: Target, stack: Stack) -> None:
    """The table, if there is one, is Parley's."""
    found = if_there(lambda: clients.dynamodb.describe_table(TableName=target.table))
    if not found:
        return
    table = found["Table"]
    keys = [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]]
    kinds = {item["AttributeName"]: item["AttributeType"] for item in table["AttributeDefinitions"]}
    if keys != [("pk", "HASH")] or kinds.get("pk") != "S":
        raise Refused(
            f"Table {target.table} has another schema (keys {keys}) than Parley's (pk, a string):"
            " name another one as TABLE_NAME in .chalice/config.json, or delete it."
        )
    life = clients.dynamodb.describe_time_to_live(TableName=target.table)
    attribute = life["TimeToLiveDescription"].get("AttributeName", "expiresAt")
    if attribute != "expiresAt":
        raise Refused(
            f"Table {target.table} expires items by {attribute}, not by Parley's expiresAt: name"
            " another table as TABLE_NAME in .chalice/config.json, or delete it."
        )
    if not target.durable and not stack.owns("Table"):
        raise Refused(
            f"Table {target.table} stands, but does not belong to stack {target.stack}: delete it,"
            " or name another one as TABLE_NAME in .chalice/config.json."
        )


def check_parameters(target: Target, given: Mapping[str, str]) -> None:
    """What --set names is there to be set."""
    reserved = {"TableName", "Durable", "Functions", "ApiStage", "WebsocketApiId"}
    known = parameter_names(target) - reserved - {"ApiOrigin", "WebsocketOrigin"}
    for name in sorted(set(given) - known):
        raise Refused(f"There is no {name} to --set; there are {', '.join(sorted(known))}.")


def check_settings(given: Mapping[str, str]) -> None:
    """The functions can work with their settings."""
    try:
        settings.read(given)
    except SettingError as error:
        raise Refused(f"{error}: change it in .chalice/config.json or your environment.") from error


def check_access(target: Target, given: Mapping[str, str], has_key: bool) -> None:
    """Where only tokens let anybody in, there is something that verifies them."""
    if given["ACCESS"] == "open" or given.get("JWKS_URL") or given.get("TOKEN_KEYS") or has_key:
        return
    raise Refused(
        f"Stage {target.stage} lets in who has a token (ACCESS=token), but no key would verify one:"
        " say --token-key to have one made (python -m infra.token issues tokens with it), or set"
        " JWKS_URL to the public keys of who issues yours, or ACCESS=open to let in everybody."
    )


def check_turn(target: Target, environment: Mapping[str, str]) -> None:
    """What is said about a TURN server is what the functions can work with."""
    urls, given = turn_urls(target, environment), environment.get("TURN_SECRETS", "")
    if given and not urls:
        raise Refused("TURN_SECRETS are of no use without TURN_URLS: say where the server is.")
    try:
        if urls:
            parse_urls(urls)
        if given:
            parse_secrets(given)
    except SettingError as error:
        raise Refused(f"{error}.") from error


# -- what is not wrong, but worth a word ---------------------------------------------------------


def turn_warning(target: Target, environment: Mapping[str, str]) -> str | None:
    """Without a TURN server some people cannot reach each other."""
    servers = environment.get("ICE_SERVERS") or target.environment.get("ICE_SERVERS", "")
    if turn_urls(target, environment) or re.search(r'"turns?:', servers):
        return None
    return (
        "No TURN server in TURN_URLS or ICE_SERVERS: about one call in five will not connect, since"
        " no direct way leads through the networks in between (README, Operating)."
    )


def pending_changes(project: Path) -> list[str]:
    """What is in the working tree but not in git, of what will be deployed."""
    try:
        found = subprocess.run(
            ["git", "status", "--porcelain", "--", *PENDING],
            cwd=project,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return found.stdout.splitlines()


def locate(project: Path, stage: str, region: str, environment: Mapping[str, str]) -> Target:
    """Where the deployment goes, as far as it is known without asking AWS."""
    return Target(project, stage, region, addresses=Addresses.read(environment))
