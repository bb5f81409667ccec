"""A deployment that is cut off, wherever that may be, is finished by running it again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rehearsal import inventory
from tests.rehearsal.cloud import Cloud
from tests.rehearsal.conftest import Hire
from tests.rehearsal.operators import Operator

pytestmark = pytest.mark.timeout(180)

MOMENTS = [
    "[1/7] Stack …",
    "[1/7] Stack: done",
    "[2/7] Signing key: done",
    "chalice: Creating Rest API",
    "chalice: Creating IAM role: parley-dev-websocket_connect",
    "chalice: Creating websocket api",
    "[3/7] Functions: done",
    "[4/7] Stack with the APIs: done",
    "[5/7] Gateway: done",
    "[6/7] Client: done",
]
DELICATE = [
    "chalice: Creating IAM role: parley-dev-websocket_connect",  # the REST API stands, unrecorded
    "chalice: Creating websocket api",
]


@pytest.fixture(scope="module")
def operator(hire: Hire) -> Operator:
    return hire()


@pytest.fixture(scope="module")
def undisturbed(cloud: Cloud, operator: Operator) -> inventory.Inventory:
    """What stands when nobody has interfered."""
    operator.deploys()
    found = inventory.take(cloud)
    operator.destroys()
    return found


@pytest.fixture
def clean(operator: Operator, undisturbed: inventory.Inventory) -> Iterator[None]:
    """Afterwards, all is taken down again."""
    assert undisturbed["stacks"]
    yield
    operator.destroys()


@pytest.mark.usefixtures("clean")
def test_the_run_after_one_that_was_cut_off_goes_on_from_there(
    cloud: Cloud, operator: Operator, undisturbed: inventory.Inventory
) -> None:
    """Each run is cut off a little later than the one before, whose traces it has to get past."""
    for moment in MOMENTS:
        operator.is_cut_off_at(moment)
    operator.deploys()
    assert inventory.take(cloud) == undisturbed


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("moment", DELICATE)
def test_a_second_run_ends_as_an_undisturbed_one(
    cloud: Cloud, operator: Operator, undisturbed: inventory.Inventory, moment: str
) -> None:
    operator.is_cut_off_at(moment)
    operator.deploys()
    assert inventory.take(cloud) == undisturbed


@pytest.mark.usefixtures("clean")
def test_a_second_run_on_another_machine_does_so_too(
    cloud: Cloud, operator: Operator, hire: Hire, undisturbed: inventory.Inventory
) -> None:
    hire().is_cut_off_at("chalice: Creating websocket api")
    operator.deploys()
    assert inventory.take(cloud) == undisturbed


@pytest.mark.usefixtures("clean")
def test_a_websocket_api_that_chalice_left_half_made_is_finished(
    cloud: Cloud, operator: Operator, undisturbed: inventory.Inventory
) -> None:
    """Chalice makes API, routes and stage one after the other, and records them last."""
    operator.deploys()
    gateway, bucket = cloud.client("apigatewayv2"), cloud.client("s3").list_buckets()["Buckets"][0]
    _, api = operator.apis()
    gateway.delete_stage(ApiId=api, StageName="api")
    for route in gateway.get_routes(ApiId=api)["Items"]:
        gateway.delete_route(ApiId=api, RouteId=route["RouteId"])
    cloud.client("s3").delete_object(Bucket=bucket["Name"], Key="record/dev.json")
    operator.deploys()
    assert operator.apis()[1] == api
    assert inventory.take(cloud) == undisturbed


@pytest.mark.usefixtures("clean")
def test_a_bare_chalice_deploy_on_a_fresh_stack_is_taken_over(
    cloud: Cloud, operator: Operator, hire: Hire, undisturbed: inventory.Inventory
) -> None:
    """`chalice deploy` where only the stack stands, in a clean checkout; then all the rest."""
    operator.is_cut_off_at("[2/7] Signing key: done")
    somebody = hire()
    somebody.is_a_chalice_user()
    ran = somebody.types("chalice", "deploy", "--stage", "dev")
    assert ran.code == 0, ran.said
    operator.deploys()
    assert operator.apis() == somebody.apis()
    assert inventory.take(cloud) == undisturbed


@pytest.mark.usefixtures("undisturbed")
def test_a_destruction_that_is_cut_off_is_finished_too(
    cloud: Cloud, operator: Operator, hire: Hire
) -> None:
    """Without the bucket's record, and without some of what it names."""
    operator.deploys()
    cloud.client("lambda").delete_function(FunctionName="parley-dev-websocket_connect")
    cloud.client("apigatewayv2").delete_api(ApiId=operator.apis()[1])
    hire().destroys()
    left = inventory.take(cloud)
    assert not any(left[kind] for kind in ("stacks", "tables", "functions", "REST APIs"))
    assert not any(name.startswith("parley") for name in left["roles"])
