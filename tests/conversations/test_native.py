"""Every message and every error of the native protocol, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from tests.conversations.caller import Caller, Frame
from tests.conversations.conftest import Service
from tests.conversations.http import post, request
from tests.parts import eventually

Call = Callable[[], Caller]


def peer_of(caller: Caller, metadata: Frame | None = None, connected: bool = True) -> Frame:
    return {
        "clientId": caller.client_id,
        "since": caller.since,
        "metadata": metadata or {},
        "connected": connected,
    }


def company(call: Call, room: str, size: int) -> list[Caller]:
    """Some who have joined, one after the other, and have heard of each other."""
    callers: list[Caller] = []
    for _ in range(size):
        newcomer = call()
        newcomer.joins(room)
        for caller in callers:
            caller.hears("peer-joined")
        callers.append(newcomer)
    return callers


# -- join ----------------------------------------------------------------------------------------


def test_a_join_without_a_room_makes_one_that_cannot_be_guessed(call: Call) -> None:
    ada = call()
    joined = ada.joins(id="1")
    assert joined["id"] == "1"
    assert joined["protocol"] == 1
    assert len(joined["roomId"]) == 22
    assert joined["roomId"].isalnum()
    assert len(joined["clientId"]) == 6
    assert joined["peers"] == []
    assert isinstance(joined["iceServers"], list)
    assert abs(joined["since"] - time.time() * 1000) < 300_000
    bea = call()
    assert bea.joins()["roomId"] != joined["roomId"]


def test_those_who_are_there_and_the_newcomer_learn_of_each_other(call: Call, garden: str) -> None:
    ada, bea = call(), call()
    ada.joins(garden, metadata={"name": "Ada"})
    joined = bea.joins(garden, metadata={"name": "Bea", "π": [1.50]})
    assert joined["peers"] == [peer_of(ada, {"name": "Ada"})]
    assert ada.hears("peer-joined") == {
        "type": "peer-joined",
        "roomId": garden,
        "peer": peer_of(bea, {"name": "Bea", "π": [1.50]}),
        "resumed": False,
    }


def test_joining_twice_on_one_socket_is_one_seat(call: Call, garden: str) -> None:
    ada, bea = call(), call()
    bea.joins(garden)
    first = ada.joins(garden)
    second = ada.joins(garden)
    assert (second["clientId"], second["since"]) == (first["clientId"], first["since"])
    bea.hears("peer-joined")
    bea.hears_nothing_more()


def test_one_socket_may_be_in_several_rooms(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    attic = ada.joins()
    ada.says({"type": "broadcast", "roomId": garden, "data": "to the garden"})
    assert bea.hears("broadcast")["data"] == "to the garden"
    ada.says({"type": "ping"})
    assert set(ada.hears("pong")["rooms"]) == {garden, attic["roomId"]}


def test_a_full_room_refuses(call: Call, garden: str) -> None:
    callers = company(call, garden, 16)
    late = call()
    late.says({"type": "join", "roomId": garden, "id": "late"})
    error = late.is_refused("room-full")
    assert (error["id"], error["roomId"]) == ("late", garden)
    callers[0].close()
    for caller in callers[1:]:
        caller.hears("peer-left")
    assert len(late.joins(garden)["peers"]) == 15


# -- resume --------------------------------------------------------------------------------------


def test_a_cut_socket_comes_back_as_the_same_member(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    ada.close()
    left = bea.hears("peer-left")
    assert (left["clientId"], left["reason"]) == (ada.client_id, "disconnected")
    again = call()
    joined = again.resumes(ada)
    assert joined["clientId"] == ada.client_id
    assert joined["since"] > ada.since
    assert joined["peers"] == [peer_of(bea)]
    news = bea.hears("peer-joined")
    assert (news["resumed"], news["peer"]["since"]) == (True, joined["since"])


def test_a_resume_while_the_old_socket_lives_replaces_it(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    since = ada.since
    again = call()
    again.resumes(ada)
    left = ada.hears("left")
    assert left == {"type": "left", "roomId": garden, "since": since, "reason": "replaced"}
    assert ada.closes_with() is not None
    assert bea.hears("peer-joined")["resumed"] is True
    # The old socket's disconnect has happened, and nobody heard of it.
    again.signals(bea, "still here")
    assert bea.hears("signal")["from"] == ada.client_id
    bea.hears_nothing_more()


def test_a_resume_into_a_room_that_no_longer_exists(call: Call, garden: str) -> None:
    ada = call()
    ada.joins(garden, metadata={"name": "Ada"})
    ada.says({"type": "leave", "roomId": garden})
    ada.hears("left")
    again = call()
    assert again.resumes(ada)["clientId"] == ada.client_id


def test_a_forged_proof_is_unauthorized(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    eve = call()
    for token in ("", "forged", bea.resume_token, ada.resume_token[:-2] + "AA"):
        forged = {"roomId": garden, "clientId": ada.client_id, "resumeToken": token}
        eve.says({"type": "join", "id": "e", **forged})
        assert eve.is_refused("unauthorized")["id"] == "e"
    eve.says({"type": "join", "roomId": garden, "clientId": ada.client_id})
    eve.is_refused("bad-message")
    ada.hears_nothing_more()
    bea.hears_nothing_more()


# -- over REST first, then by socket -------------------------------------------------------------


def test_a_seat_reserved_over_rest_becomes_connected(
    call: Call, garden: str, service: Service
) -> None:
    ada = call()
    ada.joins(garden)
    reserved = post(f"{service.rest}/rooms/join", {"roomId": garden}).json
    news = ada.hears("peer-joined")
    assert news["peer"]["clientId"] == reserved["ClientId"]
    assert (news["peer"]["connected"], news["resumed"]) == (False, False)
    bea = call()
    joined = bea.joins(garden, clientId=reserved["ClientId"], resumeToken=reserved["resumeToken"])
    assert joined["clientId"] == reserved["ClientId"]
    assert ada.hears("peer-joined")["peer"] == peer_of(bea)


def test_a_reserved_seat_is_listed_but_cannot_be_reached(
    call: Call, garden: str, service: Service
) -> None:
    reserved = post(f"{service.rest}/rooms/join", {"roomId": garden}).json
    ada = call()
    (peer,) = ada.joins(garden)["peers"]
    assert (peer["clientId"], peer["connected"]) == (reserved["ClientId"], False)
    ada.signals(reserved["ClientId"], "hello?", id="s")
    assert ada.is_refused("undeliverable")["id"] == "s"


def test_a_leave_over_rest_removes_a_connected_member(
    call: Call, garden: str, service: Service
) -> None:
    ada, bea = company(call, garden, 2)
    answer = post(f"{service.rest}/rooms/leave", {"roomId": garden, "ClientId": ada.client_id})
    assert answer.status == 200
    left = {"type": "left", "roomId": garden, "since": ada.since, "reason": "left"}
    assert ada.hears("left") == left
    assert bea.hears("peer-left")["reason"] == "left"
    ada.says({"type": "ping"})
    heard = ada.hears_in_any_order("pong", "error")
    assert heard["pong"]["rooms"] == {}
    assert (heard["error"]["code"], heard["error"]["roomId"]) == ("not-in-room", garden)


# -- signal and broadcast ------------------------------------------------------------------------


def test_a_signal_reaches_its_peer_alone_and_success_is_quiet(call: Call, garden: str) -> None:
    ada, bea, cyd = company(call, garden, 3)
    ada.signals(bea, {"description": {"type": "offer", "sdp": "v=0…"}}, **{"from": cyd.client_id})
    assert bea.hears("signal") == {
        "type": "signal",
        "roomId": garden,
        "from": ada.client_id,
        "data": {"description": {"type": "offer", "sdp": "v=0…"}},
    }
    ada.hears_nothing_more()
    cyd.hears_nothing_more()


def test_a_broadcast_reaches_all_others(call: Call, garden: str) -> None:
    ada, bea, cyd = company(call, garden, 3)
    ada.broadcasts([1, None])
    for caller in (bea, cyd):
        assert caller.hears("broadcast") == {
            "type": "broadcast",
            "roomId": garden,
            "from": ada.client_id,
            "data": [1, None],
        }
    ada.hears_nothing_more()


def test_data_arrives_to_the_letter(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    data = '{ "n":[1e999, -0, 1.000,123456789012345678901234567890], "u":"\\u00e4\\/", "n":2 }'
    ada.says(f'{{"type":"broadcast","roomId":"{garden}","data":{data}}}')
    assert data in bea.hears_text()


def test_a_signal_to_nobody(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    elsewhere = call()
    elsewhere.joins()
    for stranger in ("nobody", "", ada.client_id, elsewhere.client_id):
        ada.signals(stranger, 1, id="s")
        error = ada.is_refused("peer-not-found")
        assert (error["id"], error["roomId"]) == ("s", garden)
    elsewhere.hears_nothing_more()
    bea.hears_nothing_more()


def test_who_is_not_in_a_room_cannot_talk_there(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    eve = call()
    eve.joins()
    eve.room_id = garden
    eve.signals(ada, 1, id="1")
    assert eve.is_refused("not-in-room")["roomId"] == garden
    eve.broadcasts(1)
    eve.is_refused("not-in-room")
    eve.says({"type": "leave", "roomId": garden})
    eve.is_refused("not-in-room")
    ada.hears_nothing_more()
    bea.hears_nothing_more()


# -- leave, ping ---------------------------------------------------------------------------------


def test_a_leave_is_answered_and_announced(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    ada.says({"type": "leave", "roomId": garden, "id": "bye"})
    left = {"type": "left", "roomId": garden, "since": ada.since, "reason": "left"}
    assert ada.hears("left") == {**left, "id": "bye"}
    assert bea.hears("peer-left") == {
        "type": "peer-left",
        "roomId": garden,
        "clientId": ada.client_id,
        "since": ada.since,
        "reason": "left",
    }
    assert ada.joins(garden)["since"] > ada.since - 1
    bea.hears("peer-joined")


def test_a_ping_tells_who_is_there(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    ada.says({"type": "ping", "id": "p"})
    assert ada.hears("pong") == {
        "type": "pong",
        "id": "p",
        "rooms": {garden: {ada.client_id: ada.since, bea.client_id: bea.since}},
    }


def test_a_ping_before_any_join(call: Call) -> None:
    ada = call()
    ada.says({"type": "ping"})
    assert ada.hears("pong") == {"type": "pong", "rooms": {}}


def test_an_empty_room_is_gone(call: Call, garden: str, service: Service) -> None:
    company(call, garden, 1)[0].close()
    stats = f"{service.rest}/rooms/stats"
    one = f"{stats}?roomId={quote(garden)}"
    eventually(lambda: request("GET", one).json["clients"] == [])
    rooms = request("GET", stats).json["rooms"]
    assert garden not in [room["roomId"] for room in rooms]


# -- sizes ---------------------------------------------------------------------------------------


def test_metadata_has_at_most_1_kb(call: Call) -> None:
    ada = call()
    ada.says({"type": "join", "id": "m", "metadata": {"name": "x" * 1024}})
    assert ada.is_refused("too-large")["id"] == "m"
    ada.hears_nothing_more()


def test_a_message_of_several_frames_has_at_most_32_kb(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    ada.says(['{"type":"broadcast","roomId":"', garden, '","data":', '"' + "x" * 20_000, '"}'])
    assert len(bea.hears("broadcast")["data"]) == 20_000
    ada.says(['{"type":"ping","x":"', "x" * 20_000, "x" * 20_000, '"}'])
    ada.is_refused("too-large")
    ada.hears_nothing_more()


def test_a_frame_beyond_32_kb_closes_the_socket(call: Call, garden: str) -> None:
    ada, bea = company(call, garden, 2)
    ada.broadcasts("x" * 32_769)
    assert ada.closes_with() == 1009
    assert bea.hears("peer-left")["reason"] == "disconnected"


# -- ICE servers ---------------------------------------------------------------------------------


def test_a_member_asks_for_ice_servers_anew(call: Call, garden: str) -> None:
    ada = call()
    joined = ada.joins(garden)
    ada.says({"type": "ice-servers", "id": "5", "roomId": garden})
    granted = ada.hears("ice-servers")
    assert (granted["id"], granted["roomId"]) == ("5", garden)
    urls = [server["urls"] for server in granted["iceServers"]]
    assert urls == [server["urls"] for server in joined["iceServers"]]


def test_ice_servers_are_for_members_only(call: Call, garden: str) -> None:
    ada, eve = call(), call()
    ada.joins(garden)
    eve.says({"type": "ice-servers", "roomId": garden})
    assert eve.is_refused("not-in-room")["roomId"] == garden


def test_ice_servers_over_rest_are_for_who_proves_to_be_a_member(
    service: Service, call: Call, garden: str
) -> None:
    ada, bea = company(call, garden, 2)

    def asked(room: str, client_id: str, token: str) -> tuple[int, str | None]:
        seat = f'Seat roomId="{quote(room)}", clientId="{client_id}", resumeToken="{token}"'
        answer = request("GET", f"{service.rest}/ice-servers", authorization=seat)
        return answer.status, answer.json.get("code")

    assert asked(garden, ada.client_id, ada.resume_token) == (200, None)
    assert asked(garden, bea.client_id, ada.resume_token) == (401, "unauthorized")
    assert asked(f"{garden}!", ada.client_id, ada.resume_token) == (401, "unauthorized")
    assert asked(garden, ada.client_id, "") == (401, "unauthorized")
    assert request("GET", f"{service.rest}/ice-servers").status == 401
    ada.says({"type": "leave", "roomId": garden})
    ada.hears("left")
    assert asked(garden, ada.client_id, ada.resume_token) == (401, "unauthorized")
