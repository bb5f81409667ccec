"""One cold start, measured from within a fresh process; started by cold.py, with `-X` switched off.

What Lambda's own bootstrap has imported before a function's code is imported here too, before the
clock starts. `WHOSE` is `parley` (import app.py, answer the event), `floor` (import chalice, create
the boto3 clients that the function needs) or `calls` (the floor, and the calls that it makes).
"""

import importlib
import json
import logging
import os
import sys
import time
import traceback
import urllib.request
import warnings

LOADED = (importlib, logging, traceback, urllib.request, warnings)

with open(os.environ["EVENT"], encoding="utf-8") as file:
    EVENT = json.load(file)
WHOSE, FUNCTION = os.environ["WHOSE"], os.environ["FUNCTION"]
CLIENTS = os.environ["CLIENTS"].split()


def parley() -> None:
    app = importlib.import_module("app")
    door = app.app if FUNCTION == "health" else getattr(app, FUNCTION)
    door(EVENT, None)


def floor() -> dict[str, object]:
    importlib.import_module("chalice")
    if not CLIENTS:
        return {}
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=64,
        tcp_keepalive=True,
    )
    region = os.environ["AWS_REGION"]
    return {name: boto3.client(name, region_name=region, config=config) for name in CLIENTS}  # type: ignore[call-overload]


def calls() -> None:
    clients = floor()
    for service, operation, parameters in json.loads(os.environ["CALLS"]):
        if "Data" in parameters:
            parameters["Data"] = parameters["Data"].encode()
        getattr(clients[service], operation)(**parameters)


def high_water() -> float:
    """The most memory that this process has had, in MB."""
    with open("/proc/self/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


wall, cpu = time.perf_counter_ns(), time.process_time_ns()
{"parley": parley, "floor": floor, "calls": calls}[WHOSE]()
cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
sys.stdout.write(json.dumps([wall / 1e6, cpu / 1e6, high_water(), len(sys.modules)]))
