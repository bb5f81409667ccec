"""`python -m infra.local`: the command line of the desk."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.local.desk import Desk, Options
from infra.local.errors import DeskError
from infra.local.limits import Limits
from infra.local.mischief import Mischief, described
from infra.local.mischief import parse as parse_mischief

DESCRIPTION = """\
API Gateway in miniature for a Chalice application: REST, WebSocket, the management API
(@connections) and static files on one port, with DynamoDB behind it."""

EPILOG = f"""\
examples:
  python -m infra.local                     serve the project of this directory
  python -m infra.local --port 9000         beside another desk (DynamoDB gets port 9001)
  python -m infra.local --https             for a phone in the same network
  python -m infra.local --project-dir ~/chat --no-client --reload

environment:
  PORT                        the default of --port
  AWS_ENDPOINT_URL_DYNAMODB   use this DynamoDB instead of starting MiniStack
  TABLE_NAME, …               values for the template's parameters (TableName, …)
  The stage's environment variables in .chalice/config.json hold where the environment is silent.
  Handlers find the management API at MANAGEMENT_URL, a template over {{stage}}.

mischief (chances from 0 to 1; of the times, anything up to as many seconds):
{described()}
  An example: --mischief delay=0.2,double=0.05,kill=0.02,lose-disconnect=0.3,gone=0.01,seed=7

clocks:
  --clock-scale N turns 10 minutes of silence and 2 hours of life into N times less. Clients learn
  from config.json what is not as on AWS: "lifetime" and "pingEvery", in milliseconds. An
  application that knows these limits itself has to be told: Parley's SOCKET_SECONDS is 7200 / N
  then, and a seat may outlast its socket by another minute, whatever the scale.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the desk until Ctrl-C; the exit code."""
    try:
        options = parse(arguments)
        asyncio.run(until_told_to_stop(Desk(options)))
    except DeskError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass  # before the loop had its own ear for it
    return 0


async def until_told_to_stop(desk: Desk) -> None:
    """Run the desk; SIGINT and SIGTERM end it in good order."""
    running = asyncio.ensure_future(desk.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows knows Ctrl-C in its own way
            loop.add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def parse(arguments: Sequence[str] | None) -> Options:
    """The command line as Options."""
    given = parser().parse_args(arguments)
    tell_of_events(verbose=given.verbose)
    # A module changed twice within a second would be taken from a stale .pyc.
    sys.dont_write_bytecode = sys.dont_write_bytecode or given.reload
    project = given.project_dir
    return Options(
        project=project,
        stage=given.stage,
        host=given.host,
        port=given.port,
        client=None if given.no_client else existing(given.client, project / "client"),
        template=existing(given.template, project / "infra" / "aws" / "template.yaml"),
        https=given.https,
        reload=given.reload,
        mischief=Mischief(parse_mischief(given.mischief)) if given.mischief else None,
        limits=Limits(
            idle=given.idle_timeout,
            lifetime=given.lifetime,
            integration=given.integration_timeout,
            clock_scale=given.clock_scale,
            threads=given.threads,
        ),
    )


def tell_of_events(*, verbose: bool) -> None:
    """Failures of handlers go to stderr; with `verbose`, a line for each event as well."""
    log = logging.getLogger("gateway")
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO if verbose else logging.WARNING)
    log.propagate = False  # what the application does with its own logs is its business


def existing(given: Path | None, default: Path) -> Path | None:
    """The path given, or the default one if it is there."""
    if given is not None and not given.exists():
        raise SystemExit(f"{given} does not exist.")
    return given or (default if default.exists() else None)


def parser() -> argparse.ArgumentParser:
    """Every flag with its default, in four groups."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.local",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_project(parser.add_argument_group("project"))
    add_address(parser.add_argument_group("address"))
    add_limits(parser.add_argument_group("gateway", "AWS's limits, unless a test wants others"))
    work = parser.add_argument_group("work")
    work.add_argument("--mischief", metavar="SPEC", help="what goes wrong on purpose, see below")
    work.add_argument("--reload", action="store_true", help="load changed code, sockets stay open")
    work.add_argument("--verbose", action="store_true", help="a line for each event, without body")
    return parser


def add_project(group: argparse._ArgumentGroup) -> None:
    """What is served."""
    here = Path()
    group.add_argument(
        "--project-dir", type=Path, default=here, metavar="DIR", help="Chalice project (default: .)"
    )
    group.add_argument("--stage", default="local", help="Chalice stage (default: local)")
    group.add_argument(
        "--client", type=Path, metavar="DIR", help="static files (default: client, if there)"
    )
    group.add_argument("--no-client", action="store_true", help="serve no static files")
    group.add_argument(
        "--template",
        type=Path,
        metavar="FILE",
        help="CloudFormation template whose tables to create "
        "(default: infra/aws/template.yaml, if there)",
    )


def add_address(group: argparse._ArgumentGroup) -> None:
    """Where it is served."""
    group.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    group.add_argument(
        "--port",
        type=int,
        default=os.environ.get("PORT") or 8000,
        help="port; DynamoDB gets the next one; 0: any two (default: PORT or 8000)",
    )
    group.add_argument(
        "--https",
        action="store_true",
        help="TLS with a certificate for this run, on all addresses unless --host says otherwise",
    )


def add_limits(group: argparse._ArgumentGroup) -> None:
    """How the gateway limits what it serves."""
    aws = Limits()
    for flag, kind, default, text in [
        ("--idle-timeout", float, aws.idle, "seconds until a silent socket is closed"),
        ("--lifetime", float, aws.lifetime, "seconds until any socket is closed"),
        ("--integration-timeout", float, aws.integration, "seconds that a handler may take"),
        ("--clock-scale", float, aws.clock_scale, "idle and lifetime clocks run N times faster"),
        ("--threads", int, aws.threads, "handlers that may run at the same time"),
    ]:
        group.add_argument(
            flag, type=kind, default=default, metavar="N", help=f"{text} (default: {default})"
        )


if __name__ == "__main__":
    sys.exit(main())
