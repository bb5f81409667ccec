"""Whoever means harm: each says one thing, hears exactly one answer, and nobody else hears of it.

Ada and Bea sit in the garden. Mallory has a token too, but for the attic, and sits there; Eve has
none. The desk asks for tokens, with audience and issuer, knows a JWKS besides its own secret, and
lets in the pages of one origin.
"""

from __future__ import annotations

import functools
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from chalicelib.rooms import CLOSED
from tests import issuer, parts
from tests.conversations.caller import Caller, Frame
from tests.conversations.http import request
from tests.issuer import confused, part, unsigned

PAGE = "https://parley.example"
TERMS = {"aud": "parley", "iss": "https://id.example"}
RSA = rsa.generate_private_key(65537, 2048)
NOW = int(time.time())


def token(*signed: Any, **more: Any) -> str:
    """A token that is all right, but for what is given."""
    return issuer.token(*signed, **{**TERMS, **more})


ADAS, BEAS = token(sub="ada"), token(sub="bea")
MALLORYS = token(sub="mallory", rooms=["attic"])


# -- the scene -----------------------------------------------------------------------------------


@contextmanager
def jwks() -> Iterator[str]:
    """A JWKS with one RSA key at an address of this machine."""
    key = {**json.loads(RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "rsa"}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [key]}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/keys"
        server.shutdown()


class Scene:
    """Who is there, and what they were given."""

    def __init__(self, url: str, log: Path, stack: ExitStack) -> None:
        self.rest, self.websocket = f"{url}/api", url.replace("http", "ws", 1) + "/ws"
        self._log = log
        callers = [stack.enter_context(Caller(self.websocket)) for _ in range(4)]
        self.ada, self.bea, self.mallory, self.eve = callers
        self.ada.joins("garden", token=ADAS)
        self.joined = self.bea.joins("garden", token=BEAS)
        self.ada.hears("peer-joined")
        self.mallory.joins("attic", token=MALLORYS)

    def connection_id(self, client_id: str) -> str:
        """What API Gateway calls a member's socket, which only the log knows."""
        lines = [json.loads(text) for text in self._log.read_text().splitlines() if "{" in text]
        found = [line for line in lines if line.get("client") == client_id and "connection" in line]
        return str(found[-1]["connection"])

    def nobody_else_heard_of_it(self) -> None:
        for caller in (self.ada, self.bea, self.mallory, self.eve):
            caller.hears_nothing_more()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    log = tmp_path_factory.mktemp("hostile") / "log"
    with ExitStack() as stack:
        environment = {
            "ACCESS": "token",
            "TOKEN_KEYS": issuer.KEYS,
            "TOKEN_AUDIENCE": TERMS["aud"],
            "TOKEN_ISSUER": TERMS["iss"],
            "JWKS_URL": stack.enter_context(jwks()),
            "WRONG_TOKENS": "0",  # how many are looked at is another test's matter
            "ORIGINS": f"{PAGE}, https://other.example:8443/",
        }
        stderr = stack.enter_context(log.open("w"))
        url = stack.enter_context(parts.desk(environment, stderr=stderr))
        yield Scene(url, log, stack)


def test_the_honest_get_in(scene: Scene) -> None:
    assert [peer["clientId"] for peer in scene.joined["peers"]] == [scene.ada.client_id]
    with Caller(scene.websocket) as carl:
        carl.joins("shed", token=token(RSA, "RS256", "rsa", rooms=["shed"]))


# -- tokens --------------------------------------------------------------------------------------

Forge = Callable[[], str | None]
TOKENS: dict[str, Forge] = {
    "no token": lambda: None,
    "an empty token": lambda: "",
    "words": lambda: "let me in",
    "forged with another secret": lambda: token("x" * 43),
    "forged for a key that is not there": lambda: token("x" * 43, "HS256", "t2"),
    "without a key": lambda: token(issuer.SECRET, "HS256", None),
    "expired": lambda: token(exp=NOW - 3600),
    "expired a second ago": lambda: token(exp=int(time.time()) - 1),
    "without an end": lambda: token(exp=None),
    "not yet valid": lambda: token(nbf=NOW + 3600),
    "issued in the future": lambda: token(iat=NOW + 3600),
    "for another room": lambda: MALLORYS,
    "for a room with a name like it": lambda: token(rooms=["Garden", "garden ", "gardens"]),
    "for a prefix that is none": lambda: token(rooms=None, prefix="gardena"),
    "for no room": lambda: token(rooms=None),
    "alg none": lambda: unsigned(**TERMS),
    "alg NONE": lambda: unsigned({"alg": "NONE", "kid": issuer.KEY_ID}, **TERMS),
    "alg none under an honest signature": lambda: unsigned(**TERMS) + token().split(".")[2],
    "key confusion": lambda: confused(RSA, "rsa", **TERMS),
    "a public key's token under our key": lambda: token(RSA, "RS256", issuer.KEY_ID),
    "our secret under a public key": lambda: token(issuer.SECRET, "HS256", "rsa"),
    "another hash": lambda: token(issuer.SECRET, "HS512"),
    "another padding": lambda: token(RSA, "PS256", "rsa"),
    "without a signature": lambda: token().rsplit(".", 1)[0] + ".",
    "a role that was written in": lambda: ".".join(
        [
            token().split(".")[0],
            part(issuer.claims(role="admin", **TERMS)),
            token().split(".")[2],
        ]
    ),
    "a role that there is not": lambda: token(role="root"),
    "for another audience": lambda: token(aud="bank"),
    "for no audience": lambda: token(aud=None),
    "from another issuer": lambda: token(iss="https://evil.example"),
    "from no issuer": lambda: token(iss=None),
    "oversized": lambda: token(padding="x" * 9000),
    "made out to nobody": lambda: token(sub=""),
}


@pytest.mark.parametrize("forge", TOKENS.values(), ids=TOKENS)
def test_a_bad_token_does_not_open_the_garden(scene: Scene, forge: Forge) -> None:
    scene.eve.says({"type": "join", "id": "h", "roomId": "garden", "token": forge()})
    assert scene.eve.hears("error") == {
        "type": "error",
        "id": "h",
        "code": "unauthorized",
        "message": CLOSED,
        "roomId": "garden",
    }
    scene.nobody_else_heard_of_it()


@pytest.mark.parametrize("forge", TOKENS.values(), ids=TOKENS)
def test_nor_does_it_over_rest(scene: Scene, forge: Forge) -> None:
    text = forge()
    headers = {} if text is None else {"Authorization": f"Bearer {text}"}
    leaving = {"roomId": "garden", "ClientId": scene.ada.client_id}
    answers = [
        request("POST", f"{scene.rest}/rooms/join", b'{"roomId":"garden"}', headers=headers),
        request("POST", f"{scene.rest}/rooms/leave", json.dumps(leaving).encode(), headers=headers),
        request("GET", f"{scene.rest}/rooms/stats?roomId=garden", headers=headers),
    ]
    for answer in answers:
        assert answer.json == {"error": CLOSED, "code": "unauthorized"}
        assert answer.status == 401
    scene.nobody_else_heard_of_it()


# -- frames --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attack:
    """Who says what, and which code and text come back (about which room)."""

    who: str
    frame: Callable[[Scene], Frame]
    code: str
    text: str
    room: str | None = "garden"


def resume(of: str, room: str = "garden", **more: Any) -> Callable[[Scene], Frame]:
    """A join with somebody's id and resume token."""

    def frame(scene: Scene) -> Frame:
        former: Caller = getattr(scene, of)
        proof = {"clientId": former.client_id, "resumeToken": former.resume_token}
        return {"type": "join", "roomId": room, **proof, **more}

    return frame


def signal(to: Callable[[Scene], str], room: str = "garden", **more: Any) -> Any:
    return lambda scene: {"type": "signal", "roomId": room, "to": to(scene), "data": 1, **more}


NOT_PROVEN = "The resumeToken does not prove this clientId here"
NOT_IN = "You are not in this room"
NO_PEER = "No such peer in this room"
ATTACKS = {
    "a resume with somebody else's token": Attack(
        "mallory", resume("ada", token=MALLORYS), "unauthorized", CLOSED
    ),
    "a resume without a token": Attack("eve", resume("ada"), "unauthorized", CLOSED),
    "a resume by another subject who may be here": Attack(
        "eve", resume("ada", token=token(sub="eve")), "unauthorized", NOT_PROVEN
    ),
    "a resume by an admin": Attack(
        "eve", resume("ada", token=token(sub="eve", role="admin")), "unauthorized", NOT_PROVEN
    ),
    "a resume token for another room": Attack(
        "eve",
        resume("ada", "shed", token=token(sub="ada", rooms=["shed"])),
        "unauthorized",
        NOT_PROVEN,
        "shed",
    ),
    "somebody else's resume token for one's own id": Attack(
        "mallory",
        lambda scene: {
            **resume("ada", token=BEAS)(scene),
            "clientId": scene.bea.client_id,
        },
        "unauthorized",
        NOT_PROVEN,
    ),
    "a token for a resume token": Attack(
        "eve",
        lambda scene: {**resume("ada", token=ADAS)(scene), "resumeToken": ADAS},
        "unauthorized",
        NOT_PROVEN,
    ),
    "a resume token for a token": Attack(
        "eve",
        lambda scene: {"type": "join", "roomId": "garden", "token": scene.ada.resume_token},
        "unauthorized",
        CLOSED,
    ),
    "a token in the field of another message": Attack(
        "eve", signal(lambda scene: scene.ada.client_id, token=ADAS), "not-in-room", NOT_IN
    ),
    "a new room that no token allows": Attack(
        "mallory",
        lambda scene: {"type": "join", "token": MALLORYS},
        "unauthorized",
        CLOSED,
        None,
    ),
    "another subject on a socket that has a seat": Attack(
        "ada",
        lambda scene: {"type": "join", "roomId": "garden", "token": BEAS},
        "unauthorized",
        CLOSED,
    ),
    "a signal into a foreign room": Attack(
        "mallory", signal(lambda scene: scene.ada.client_id), "not-in-room", NOT_IN
    ),
    "a signal into a room that is not there": Attack(
        "mallory", signal(lambda scene: "k3J9aQ", "nowhere"), "not-in-room", NOT_IN, "nowhere"
    ),
    "a signal to a member of a foreign room": Attack(
        "mallory",
        signal(lambda scene: scene.ada.client_id, "attic"),
        "peer-not-found",
        NO_PEER,
        "attic",
    ),
    "a signal to a connection id": Attack(
        "ada",
        signal(lambda scene: scene.connection_id(scene.bea.client_id)),
        "peer-not-found",
        NO_PEER,
    ),
    "a signal to an attribute of the room": Attack(
        "ada", signal(lambda scene: "n"), "peer-not-found", NO_PEER
    ),
    "a signal to oneself": Attack(
        "ada", signal(lambda scene: scene.ada.client_id), "peer-not-found", NO_PEER
    ),
    "a signal to nobody": Attack("ada", signal(lambda scene: ""), "peer-not-found", NO_PEER),
    "a broadcast into a foreign room": Attack(
        "mallory",
        lambda scene: {"type": "broadcast", "roomId": "garden", "data": 1},
        "not-in-room",
        NOT_IN,
    ),
    "a leave from a foreign room": Attack(
        "mallory", lambda scene: {"type": "leave", "roomId": "garden"}, "not-in-room", NOT_IN
    ),
    "ICE servers of a foreign room": Attack(
        "mallory", lambda scene: {"type": "ice-servers", "roomId": "garden"}, "not-in-room", NOT_IN
    ),
    "a number for a token": Attack(
        "eve",
        lambda scene: {"type": "join", "roomId": "garden", "token": 7},
        "bad-message",
        "Expected `str | null`, got `int` - at `$.token`",
        None,
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_answered_and_nothing_comes_of_it(scene: Scene, attack: Attack) -> None:
    attacker: Caller = getattr(scene, attack.who)
    attacker.says({**attack.frame(scene), "id": "h"})
    about = {"roomId": attack.room} if attack.room else {}
    assert attacker.hears("error") == {
        "type": "error",
        "id": "h",
        "code": attack.code,
        "message": attack.text,
        **about,
    }
    scene.nobody_else_heard_of_it()


def test_a_sender_that_was_written_in_is_the_true_one_on_arrival(scene: Scene) -> None:
    scene.ada.signals(scene.bea, "hello", sender="forged", **{"from": scene.bea.client_id})
    assert scene.bea.hears("signal") == {
        "type": "signal",
        "roomId": "garden",
        "from": scene.ada.client_id,
        "data": "hello",
    }
    scene.nobody_else_heard_of_it()


def test_a_replayed_join_is_no_second_seat_and_tells_nobody_anything(scene: Scene) -> None:
    frame = {"type": "join", "roomId": "garden", "token": ADAS}
    for _ in range(3):
        scene.ada.says(frame)
        again = scene.ada.hears("joined")
        assert (again["clientId"], again["since"]) == (scene.ada.client_id, scene.ada.since)
    scene.nobody_else_heard_of_it()


def test_a_token_overheard_gives_no_power_over_its_owners_seat(scene: Scene) -> None:
    """Whoever has it is let in, as themselves; without the resume token as nobody else."""
    with Caller(scene.websocket) as thief:
        joined = thief.joins("garden", token=ADAS)
        assert joined["clientId"] not in {scene.ada.client_id, scene.bea.client_id}
        for caller in (scene.ada, scene.bea):
            assert caller.hears("peer-joined")["peer"]["clientId"] == joined["clientId"]
        thief.says({"type": "leave", "roomId": "garden"})
        thief.hears("left")
    for caller in (scene.ada, scene.bea):
        caller.hears("peer-left")
    scene.nobody_else_heard_of_it()


def test_nobody_is_told_what_a_socket_is_called(scene: Scene) -> None:
    said = json.dumps(scene.joined)
    for caller in (scene.ada, scene.bea):
        assert scene.connection_id(caller.client_id) not in said
    assert '"ada"' not in said, "nor whose token it was"


def test_who_stays_longer_than_the_token_is_told_at_the_next_ping(scene: Scene) -> None:
    with Caller(scene.websocket) as late:
        end = int(time.time()) + 4
        late.joins("pond", token=token(sub="late", rooms=["pond"], exp=end))
        parts.eventually(lambda: time.time() > end)
        late.says({"type": "broadcast", "roomId": "pond", "data": 1, "id": "h"})
        run_out = late.hears("error")
        assert (run_out["code"], run_out["roomId"]) == ("unauthorized", "pond")
        late.says({"type": "ping", "id": "h"})
        heard = late.hears_in_any_order("pong", "error")
        assert heard["pong"] == {"type": "pong", "id": "h", "rooms": {"pond": {}}}
        assert heard["error"] == {
            "type": "error",
            "code": "unauthorized",
            "message": "Your token has run out; join again with a new one",
            "roomId": "pond",
        }
        renewed = late.joins("pond", token=token(sub="late", rooms=["pond"]))
        late.says({"type": "ping"})
        assert list(late.hears("pong")["rooms"]["pond"]) == [renewed["clientId"]]


# -- over REST, with tokens that are all right ---------------------------------------------------


def bearer(text: str, scheme: str = "Bearer", name: str = "Authorization") -> dict[str, str]:
    return {name: f"{scheme} {text}"}


def test_a_member_sends_nobody_else_away_and_a_moderator_does(scene: Scene) -> None:
    with Caller(scene.websocket) as carl:
        carl.joins("shed", token=token(sub="carl", rooms=["shed"]))
        leaving = json.dumps({"roomId": "shed", "ClientId": carl.client_id}).encode()
        leave = functools.partial(request, "POST", f"{scene.rest}/rooms/leave", leaving)
        member = token(sub="dora", rooms=["shed"])
        assert leave(headers=bearer(member)).json == {"error": CLOSED, "code": "unauthorized"}
        carl.hears_nothing_more()
        moderator = token(sub="dora", rooms=["shed"], role="moderator")
        assert leave(headers=bearer(moderator)).json["status"] == "left"
        assert carl.hears("left")["reason"] == "left"


def test_the_list_of_rooms_is_as_long_as_the_token_is_wide(scene: Scene) -> None:
    stats = functools.partial(request, "GET", f"{scene.rest}/rooms/stats")
    mallory = stats(headers=bearer(MALLORYS)).json
    assert mallory["rooms"] == [{"roomId": "attic", "clients": [scene.mallory.client_id]}]
    admin = stats(headers=bearer(token(role="admin"))).json
    assert {"attic", "garden"} <= {room["roomId"] for room in admin["rooms"]}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (bearer(ADAS, "bearer", "authorization"), 200),
        (bearer(ADAS, "BEARER", "AUTHORIZATION"), 200),
        (bearer(ADAS, "Basic"), 401),
        (bearer(ADAS, "Token"), 401),
        ({"Authorization": ADAS}, 401),
        ({"X-Authorization": f"Bearer {ADAS}"}, 401),
        ({"Cookie": f"Authorization=Bearer {ADAS}; token={ADAS}"}, 401),
    ],
)
def test_a_header_counts_by_its_name_whatever_the_case(
    scene: Scene, headers: dict[str, str], status: int
) -> None:
    answer = request("GET", f"{scene.rest}/rooms/stats?roomId=garden", headers=headers)
    assert answer.status == status


def test_a_token_in_the_address_counts_for_nothing(scene: Scene) -> None:
    address = f"{scene.rest}/rooms/stats?roomId=garden&token={ADAS}&access_token={ADAS}"
    assert request("GET", address).status == 401


def test_without_a_token_there_is_nothing_to_learn_but_health(scene: Scene) -> None:
    """Each door, with each method: what it says does not depend on who is where."""
    document = request("GET", f"{scene.rest}/openapi.json").json
    for path in [*document["paths"], "/", "/rooms", "/rooms/garden", "/admin"]:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            pairs = [
                request(
                    method,
                    f"{scene.rest}{path}?roomId={room}",
                    json.dumps({"roomId": room, "ClientId": scene.ada.client_id}).encode(),
                )
                for room in ("garden", "nothing")
            ]
            assert pairs[0].status == pairs[1].status
            if path != "/health":
                assert pairs[0].body == pairs[1].body
            if pairs[0].status == 200:
                assert path in ("/health", "/openapi.json")
    scene.nobody_else_heard_of_it()


# -- origins -------------------------------------------------------------------------------------

ORIGINS: list[tuple[dict[str, str], bool]] = [
    ({}, True),  # no browser, which may say anything
    ({"Origin": PAGE}, True),
    ({"origin": "HTTPS://Parley.Example"}, True),
    ({"ORIGIN": "https://other.example:8443"}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"oRiGiN": "https://evil.example"}, False),
    ({"Origin": "http://parley.example"}, False),
    ({"Origin": "https://parley.example.evil.example"}, False),
    ({"Origin": "https://evil.example/https://parley.example"}, False),
    ({"Origin": "https://parley.example:8443"}, False),
    ({"Origin": "https://other.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "*"}, False),
    ({"Origin": ""}, False),
    ({"Origin": f"{PAGE}, https://evil.example"}, False),
    ({"Origin": "https://evil.example", "X-Forwarded-Host": "parley.example"}, False),
]
IDS = [" ".join(headers.values()) or "none" for headers, _ in ORIGINS]


@pytest.mark.parametrize(("headers", "welcome"), ORIGINS, ids=IDS)
def test_a_page_of_another_origin_opens_no_socket(
    scene: Scene, headers: dict[str, str], welcome: bool
) -> None:
    def handshake() -> None:
        with connect(scene.websocket, additional_headers=headers, open_timeout=20):
            pass

    if welcome:
        handshake()
        return
    with pytest.raises(InvalidStatus) as refusal:
        handshake()
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize(("headers", "welcome"), ORIGINS, ids=IDS)
def test_nor_does_rest_answer_it(scene: Scene, headers: dict[str, str], welcome: bool) -> None:
    for method, path in (("GET", "/health"), ("OPTIONS", "/rooms/join"), ("POST", "/rooms/join")):
        answer = request(method, scene.rest + path, headers=headers)
        shared = answer.headers.get("access-control-allow-origin")
        if welcome:
            assert answer.status != 403
            assert shared == (next(iter(headers.values())).lower() if headers else None)
        else:
            assert answer.status == 403
            assert answer.json["code"] == "foreign-origin"
            assert shared is None
