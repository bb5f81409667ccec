"""A cloud for the module, an operator with a clean checkout."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.parts import ROOT
from tests.rehearsal.cloud import Cloud, Keys
from tests.rehearsal.operators import Operator

Hire = Callable[..., Operator]
# AWS asks for these on a resource that it names; MiniStack asks for them on all.
WITHOUT_RESOURCE = ["lambda:CreateFunction"]


def deployer_policy() -> str:
    """What README grants the deploying role."""
    path = ROOT / "infra" / "aws" / "deployer-policy.json"
    document = json.loads(path.read_text("utf-8"))
    more = {"Effect": "Allow", "Action": WITHOUT_RESOURCE, "Resource": "*"}
    document["Statement"].append(more)
    return json.dumps(document)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path_factory.mktemp("cloud"))
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture(scope="module")
def deployer(cloud: Cloud) -> Keys:
    """Credentials that may do what README says a deploying role needs, and no more."""
    return cloud.hire("deployer", deployer_policy())


@pytest.fixture(scope="module")
def hire(cloud: Cloud, deployer: Keys, tmp_path_factory: pytest.TempPathFactory) -> Hire:
    """Another operator, on another machine: a clean checkout."""

    def another(keys: Keys = deployer, **environment: str) -> Operator:
        folder: Path = tmp_path_factory.mktemp("operator")
        return Operator(folder, {**cloud.for_operators(keys), **environment})

    return another
