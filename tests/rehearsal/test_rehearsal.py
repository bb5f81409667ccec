"""A deployment from its first day to its last: the tests of this file are one story, in order."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from chalicelib.ice import credential
from infra.aws import smoke
from tests.conversations.caller import Caller
from tests.conversations.http import post, request
from tests.e2e.conftest import FLAGS
from tests.e2e.visitor import Visitor, everybody_sees_the_others, everybody_talks
from tests.parts import ROOT, chromium, eventually, missing
from tests.rehearsal import inventory
from tests.rehearsal.cloud import Cloud
from tests.rehearsal.conftest import Hire
from tests.rehearsal.operators import Operator

pytestmark = pytest.mark.timeout(300)

# Those that talk to whatever deployment they are pointed at; the others bring a desk along.
CONVERSATIONS = ("test_native.py", "test_rest.py")
NOT_HERE = {
    "test_native.py::test_a_frame_beyond_32_kb_closes_the_socket": "MiniStack takes any size",
    "test_rest.py::test_pages_elsewhere_may_ask[gateway]": "a deployment lets its own page ask",
    "test_rest.py::test_pages_elsewhere_may_ask_whether_they_may": "the same",
}


@pytest.fixture(scope="module")
def before(cloud: Cloud) -> inventory.Inventory:
    """What stood in the account before."""
    return inventory.take(cloud)


@pytest.fixture(scope="module")
def first_words(hired: Operator, before: inventory.Inventory) -> str:
    """What the first deployment said."""
    assert not before["stacks"]
    return hired.deploys()


@pytest.fixture(scope="module")
def hired(hire: Hire) -> Operator:
    return hire()


@pytest.fixture(scope="module")
def operator(hired: Operator, first_words: str) -> Operator:
    """Who has deployed."""
    assert "done" in first_words
    return hired


def health(operator: Operator) -> dict[str, Any]:
    rest, _ = operator.addresses()
    answer: dict[str, Any] = request("GET", f"{rest}/health").json
    return answer


# -- the first day -------------------------------------------------------------------------------


def test_a_dry_run_changes_nothing(cloud: Cloud, hire: Hire, before: inventory.Inventory) -> None:
    ran = hire().aws("deploy", "--stage", "dev", "--dry-run")
    assert ran.code == 0
    assert "create stack parley-dev" in ran.said
    assert "Nothing was changed" in ran.said
    after = inventory.take(cloud)
    assert after == before


def test_a_deployment_tells_how_far_it_is_and_where_it_can_be_reached(
    operator: Operator, first_words: str
) -> None:
    steps = re.findall(r"\[(\d)/7\] (.+): done", first_words)
    assert [int(number) for number, _ in steps] == [1, 2, 3, 4, 5, 6, 7]
    assert steps[-1][1] == "Smoke test"
    assert "No TURN server in TURN_URLS or ICE_SERVERS" in first_words
    for address in operator.addresses():
        assert address in first_words
    assert re.search(r"Page +https://\w+\.cloudfront\.net/", first_words)


def test_the_conversations_of_the_desk_take_place_there(operator: Operator) -> None:
    rest, websocket = operator.addresses()
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    talked = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [f"tests/conversations/{name}" for name in CONVERSATIONS]
        # The REST transcript is replayed in process too, which is no deployment.
        + ["-k", "not chalice"]
        + [f"--deselect=tests/conversations/{test}" for test in NOT_HERE],
        cwd=ROOT,
        env={**environment, "PARLEY_REST": rest, "PARLEY_WEBSOCKET": websocket},
        capture_output=True,
        text=True,
    )
    assert talked.returncode == 0, talked.stdout
    assert " skipped" not in talked.stdout
    passed = re.search(r"(\d+) passed", talked.stdout)
    assert passed
    assert int(passed[1]) > 50


# -- what the handlers may do --------------------------------------------------------------------


def is_handlers(decision: dict[str, str]) -> bool:
    return ":assumed-role/parley-dev-" in decision["principal"]


def matches(pattern: str, resource: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), resource) is not None


# Lambda itself does these as the role, and MiniStack's Lambda does not.
LAMBDAS_OWN = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_policy_allows_what_the_handlers_do_and_nothing_else(cloud: Cloud, stage: str) -> None:
    """After the conversations: each permission was used, and nothing was refused."""
    done = [decision for decision in cloud.observed() if is_handlers(decision)]
    assert {decision["decision"] for decision in done} == {"Allow"}
    document = json.loads((ROOT / ".chalice" / f"policy-{stage}.json").read_text("utf-8"))
    for statement in document["Statement"]:
        actions = set(as_list(statement["Action"])) - LAMBDAS_OWN
        for action in actions:
            assert any(decision["action"] == action for decision in done), f"{action} is to spare"
        for resource in as_list(statement["Resource"]) if actions else []:
            pattern = resource.replace(f"parley-{stage}", "parley-dev")
            used = [decision for decision in done if matches(pattern, decision["resource"])]
            assert used, f"{resource} is to spare"
    allowed = {a for statement in document["Statement"] for a in as_list(statement["Action"])}
    assert {decision["action"] for decision in done} == allowed - LAMBDAS_OWN


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.usefixtures("operator")
def test_the_policy_names_resources_wherever_there_are_any(cloud: Cloud) -> None:
    """As deployed: this account, this region, this API; only tracing knows no resources."""
    for role, policies in inventory.roles(cloud).items():
        if not role.startswith("parley-dev-"):
            continue
        for statement in policies.get(role, {"Statement": []})["Statement"]:
            if statement["Resource"] == "*":
                assert {action.split(":")[0] for action in statement["Action"]} == {"xray"}
                continue
            for resource in as_list(statement["Resource"]):
                _, _, _, region, account, what = resource.split(":", 5)
                assert (region, account) == ("eu-central-1", "000000000000")
                assert not what.startswith("*")


def test_without_a_permission_the_handlers_fail(cloud: Cloud, operator: Operator) -> None:
    """So the test above means something: permissions hold in this cloud."""
    iam, role = cloud.client("iam"), "parley-dev-api_handler"
    policy = iam.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
    less = json.dumps(policy).replace('"dynamodb:Scan", ', "")
    rest, _ = operator.addresses()
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=less)
    assert request("GET", f"{rest}/rooms/stats").status == 500
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=json.dumps(policy))
    assert request("GET", f"{rest}/rooms/stats").status == 200


@pytest.mark.usefixtures("operator")
def test_no_secret_stands_where_functions_are_listed(cloud: Cloud) -> None:
    keys = cloud.client("dynamodb").get_item(
        TableName="parley-dev", Key={"pk": {"S": "secret#signing"}}
    )["Item"]["keys"]["S"]
    secret = keys.partition(":")[2]
    assert len(secret) >= 32
    for service, call in [("lambda", "list_functions"), ("cloudformation", "describe_stacks")]:
        assert secret not in str(getattr(cloud.client(service), call)())
    bucket = cloud.client("s3").list_buckets()["Buckets"][0]["Name"]
    config = cloud.client("s3").get_object(Bucket=bucket, Key="site/config.json")
    assert set(json.loads(config["Body"].read())) == {"api", "websocket"}


# -- the page ------------------------------------------------------------------------------------


def page_host(cloud: Cloud) -> str:
    found = cloud.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    return str(found[0]["DomainName"])


def viewed(cloud: Cloud, path: str, scheme: str = "https") -> http.client.HTTPResponse:
    """What the CDN answers for a path."""
    trusted = ssl.create_default_context(cafile=str(cloud.certificate))
    asking = (
        http.client.HTTPSConnection(cloud.host, timeout=20, context=trusted)
        if scheme == "https"
        else http.client.HTTPConnection("127.0.0.1", cloud.open_port, timeout=20)
    )
    with contextlib.closing(asking):
        asking.request("GET", path, headers={"Host": page_host(cloud)})
        answer = asking.getresponse()
        answer.read()
        return answer


def test_the_cdn_sends_every_file_with_its_type_and_its_headers(
    cloud: Cloud, operator: Operator
) -> None:
    rest, websocket = (address.rpartition("/_aws")[0] for address in operator.addresses())
    kinds = {
        "/": ("text/html; charset=utf-8", "no-cache"),
        "/index.html": ("text/html; charset=utf-8", "no-cache"),
        "/config.json": ("application/json", "no-cache"),
        "/index.js": ("text/javascript; charset=utf-8", "s-maxage=31536000"),
        "/index.css": ("text/css; charset=utf-8", "s-maxage=31536000"),
        "/icon.svg": ("image/svg+xml", "max-age=604800"),
    }
    for path, (kind, cache) in kinds.items():
        headers = viewed(cloud, path).headers
        assert headers["Content-Type"] == kind, path
        assert cache in headers["Cache-Control"], path
        policy = headers["Content-Security-Policy"]
        assert f"connect-src 'self' {rest} {websocket};" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Strict-Transport-Security"].startswith("max-age=63072000")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        for device in ("camera", "microphone", "display-capture"):
            assert f"{device}=(self)" in headers["Permissions-Policy"]


@pytest.mark.usefixtures("operator")
def test_what_is_not_the_site_is_not_served(cloud: Cloud) -> None:
    for path in ("/record/dev.json", "/../record/dev.json", "/nothing.js"):
        assert viewed(cloud, path).status in (403, 404)
    bucket = cloud.client("s3").list_buckets()["Buckets"][0]["Name"]
    anybody = f"http://127.0.0.1:{cloud.open_port}/{bucket}/site/index.html"
    assert request("GET", anybody).status == 403


@pytest.mark.usefixtures("operator")
def test_http_leads_to_https(cloud: Cloud) -> None:
    answer = viewed(cloud, "/index.html", scheme="http")
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{page_host(cloud)}/index.html"


@pytest.fixture
def browser(cloud: Cloud) -> Iterator[Browser]:
    """Chromium for which the CDN's host is our cloud."""
    flags = [flag for flag in FLAGS if not flag.startswith("--host-resolver-rules")]
    with sync_playwright() as playwright:
        rules = f"MAP *.cloudfront.net {cloud.host},MAP * ~NOTFOUND,EXCLUDE 127.0.0.1"
        try:
            browser = playwright.chromium.launch(
                executable_path=chromium(),
                args=[*flags, f"--host-resolver-rules={rules}", "--ignore-certificate-errors"],
            )
        except Error as error:
            missing(f"a Chromium that starts ({error.message.splitlines()[0]})")
        yield browser
        browser.close()


VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


def visit(browser: Browser, url: str) -> Visitor:
    page: Page = browser.new_context(ignore_https_errors=True).new_page()
    page.add_init_script(VIOLATIONS)
    return Visitor(page, url, {}).open()


@pytest.mark.usefixtures("operator")
def test_two_meet_on_the_page_that_the_cdn_serves(cloud: Cloud, browser: Browser) -> None:
    url = f"https://{page_host(cloud)}/"
    pair = [visit(browser, url), visit(browser, url)]
    assert pair[0].page.evaluate("isSecureContext")
    for one in pair:
        one.join("garden behind the CDN")
    everybody_sees_the_others(pair)
    everybody_talks(pair, "through the CDN")
    for one in pair:
        expect(one.status).to_have_text("Connected")
        assert one.page.evaluate("window.violations") == []
        assert one.complaints == []
        one.page.context.close()


# -- later days ----------------------------------------------------------------------------------


def test_a_changed_handler_goes_live_in_the_same_place_and_rooms_survive(
    operator: Operator,
) -> None:
    _, websocket = operator.addresses()
    apis = operator.apis()
    with Caller(websocket) as ada, Caller(websocket) as bea:
        ada.joins("garden that stays")
        bea.joins("garden that stays")
        ada.hears("peer-joined")
        operator.changes(
            "app.py", "return health.answer()", 'return health.answer() | {"release": 2}'
        )
        said = operator.deploys()
        assert "Stack: nothing to do" in said
        assert operator.apis() == apis
        assert health(operator)["release"] == 2
        bea.signals(ada, "still here")
        assert ada.hears("signal")["data"] == "still here"
        with Caller(websocket) as eve:
            assert len(eve.joins("garden that stays")["peers"]) == 2


def test_another_machine_finds_what_the_first_one_deployed(
    cloud: Cloud, operator: Operator, hire: Hire
) -> None:
    other = hire()
    other.deploys()
    assert other.apis() == operator.apis()
    found = inventory.take(cloud)
    assert (len(found["REST APIs"]), len(found["WebSocket APIs"])) == (1, 1)


def test_a_bare_chalice_deploy_works_too(operator: Operator, hire: Hire) -> None:
    somebody = hire()
    somebody.is_a_chalice_user()
    assert somebody.aws("status", "--stage", "dev").code == 0
    somebody.changes("app.py", "return health.answer()", 'return health.answer() | {"release": 3}')
    ran = somebody.types("chalice", "deploy", "--stage", "dev")
    assert ran.code == 0, ran.said
    assert somebody.apis() == operator.apis()
    assert health(operator)["release"] == 3
    smoke.try_it(*operator.addresses(), lambda _: None)


def test_status_tells_how_it_stands(operator: Operator) -> None:
    ran = operator.aws("status", "--stage", "dev")
    assert ran.code == 0
    assert "Stack parley-dev: UPDATE_COMPLETE" in ran.said
    assert all(address in ran.said for address in operator.addresses())


def test_a_new_signing_key_cuts_nobody_off(operator: Operator) -> None:
    _, websocket = operator.addresses()
    with Caller(websocket) as ada:
        ada.joins("garden of keys")
        ran = operator.aws("rotate", "--stage", "dev")
        assert ran.code == 0
        assert re.search(r"k\d{8}b signs from now on; these verify: k\d{8}b, k\d{8}a", ran.said)
        operator.deploys()  # functions start anew, with the new key
        with Caller(websocket) as again:
            assert again.resumes(ada)["clientId"] == ada.client_id
            assert again.resume_token.split(".")[0].endswith("b")
            assert ada.resume_token.split(".")[0].endswith("a")


def test_a_turn_server_shares_secrets_that_are_nowhere_else(cloud: Cloud, hire: Hire) -> None:
    operator = hire()
    operator.environment["TURN_URLS"] = "turn:turn.example.org"
    assert "TURN secrets: done" in operator.deploys()
    _, websocket = operator.addresses()
    with Caller(websocket) as ada:
        ada.joins("garden of relays")
        for turn in range(2):
            secrets = operator.aws("turn-secrets", "--stage", "dev").said.split()
            assert len(secrets) == 2 + turn
            assert not any(secret in json.dumps(inventory.take(cloud)) for secret in secrets)

            def signs(secret: str = secrets[0]) -> bool:
                ada.says({"type": "ice-servers", "roomId": ada.room_id})
                server = ada.hears("ice-servers")["iceServers"][-1]
                return bool(server["credential"] == credential(secret, server["username"]))

            eventually(signs)
            rotated = operator.aws("rotate-turn", "--stage", "dev")
            assert rotated.code == 0, rotated.said
            operator.deploys()  # functions start anew, and need not wait for their next look


def test_what_is_set_stays_set(cloud: Cloud, operator: Operator) -> None:
    def threshold() -> float:
        found = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
        return max(float(alarm["Threshold"]) for alarm in found)

    operator.deploys("--set", "MessagesPerHour=5000", "--set", "RequestsPerSecond=50")
    assert threshold() == 5000
    operator.deploys()
    assert threshold() == 5000
    rest, websocket = inventory.rest_apis(cloud)[0], inventory.websocket_apis(cloud)[0]
    assert "50" in json.dumps(rest["stages"])
    assert websocket["stages"][0]["DefaultRouteSettings"]["ThrottlingRateLimit"] == 50


@pytest.mark.usefixtures("operator")
def test_access_logs_hold_no_bodies(cloud: Cloud) -> None:
    rest, websocket = inventory.rest_apis(cloud)[0], inventory.websocket_apis(cloud)[0]
    stages = rest["stages"] + websocket["stages"]
    text = json.dumps(stages)
    assert text.count("/aws/apigateway/parley-dev") == 2
    for body in ("body", "Payload", "authorizer", "querystring", "path.proxy"):
        assert body not in text
    assert not websocket["stages"][0]["DefaultRouteSettings"].get("DataTraceEnabled")


# -- the last day --------------------------------------------------------------------------------


def test_destroying_asks_first(operator: Operator) -> None:
    for answer in ("", "yes\n"):
        ran = operator.aws("destroy", "--stage", "dev", answer=answer)
        assert ran.code != 0
        assert "Nothing was destroyed" in ran.said
    assert health(operator)


def test_after_the_end_nothing_is_left(
    cloud: Cloud, operator: Operator, before: inventory.Inventory
) -> None:
    rest, _ = operator.addresses()
    post(f"{rest}/rooms/join", {"roomId": "garden"})
    ran = operator.aws("destroy", "--stage", "dev", answer="dev\n")
    assert ran.code == 0, ran.said
    assert "Stage dev is gone." in ran.said
    assert inventory.take(cloud) == before
    again = operator.aws("destroy", "--stage", "dev", "--yes")
    assert again.code == 0, again.said
