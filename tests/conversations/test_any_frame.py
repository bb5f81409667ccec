"""Whatever a client sends: one error that changes nothing, or a relay to the letter."""

from __future__ import annotations

import base64
import itertools
import json
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conversations.caller import Caller
from tests.conversations.conftest import Service

CODES = {
    "bad-message",
    "unknown-type",
    "too-large",
    "not-in-room",
    "peer-not-found",
    "unauthorized",
}
TYPES = ("join", "signal", "broadcast", "ping", "leave", "ice-servers")
ROOM = "\N{WHITE SMILING FACE} room of any frame"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Invalid:
    """A frame that deserves one error."""

    frame: str | bytes


@dataclass(frozen=True)
class Valid:
    """Data that has to arrive to the letter, in a frame with this before and after it."""

    data: str
    before: str
    after: str


# -- JSON as text, beyond what json.dumps would write --------------------------------------------

spaces = st.sampled_from(["", "", " ", "\n", "\t "])
numbers = st.one_of(
    st.integers().map(str),
    st.integers(min_value=2**64, max_value=2**200).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1e999", "-0", "-0.0", "1E+5", "0.10", "1e-400", "12345678901234567890.5"]),
)
strings = st.one_of(
    st.text(max_size=20).map(json.dumps),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(
        lambda text: json.dumps(text, ensure_ascii=False)
    ),
    st.sampled_from(['"\\ud83d\\ude00"', '"\\/\\b\\f"', '"\\u0000"', '"[{[{"']),
)
surrogates = st.sampled_from(['"\\ud800"', '"a\\udfffb"', '"\\udc00\\ud800"', '"\\ud800\\u0041"'])


def _array(items: list[str]) -> str:
    return "[" + ",".join(items) + "]"


def _object(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"


def _no_lone_surrogate(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in json.loads(text))


whole_strings = strings.filter(_no_lone_surrogate)
texts = st.recursive(
    st.one_of(numbers, whole_strings, st.sampled_from(["null", "true", "false", "{}", "[]"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(_array),
        st.lists(st.tuples(whole_strings, inner), max_size=4).map(_object),
        st.tuples(spaces, inner, spaces).map("".join),
    ),
    max_leaves=12,
)
values: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.integers()),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


def _message(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields})


def _broadcast(data: str) -> str:
    return _message("broadcast", roomId=ROOM, data=None).replace("null", data)


def _nested(levels: int) -> str:
    return _message("ping", x=None).replace("null", "[" * levels + "]" * levels)


not_a_string = values.filter(lambda value: not isinstance(value, str) and value is not None)
required = values.filter(lambda value: not isinstance(value, str))
invalid_frames: st.SearchStrategy[str | bytes] = st.one_of(
    st.just(""),
    st.binary(max_size=200),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=100).filter(
        lambda text: not text.strip().startswith("{")
    ),
    texts.filter(lambda text: not text.strip().startswith("{")),
    st.sampled_from(TYPES).map(lambda kind: _message(kind) + "}"),
    st.dictionaries(st.text(max_size=8).filter(lambda k: k != "type"), values, max_size=4).map(
        json.dumps
    ),
    st.text(max_size=12).filter(lambda kind: kind not in TYPES).map(_message),
    required.map(lambda value: json.dumps({"type": value})),
    st.sampled_from(["signal", "broadcast", "leave", "ice-servers"]).map(_message),
    required.map(lambda value: _message("leave", roomId=value)),
    required.map(lambda value: _message("signal", roomId=ROOM, to=value, data=1)),
    not_a_string.map(lambda value: _message("ping", id=value)),
    not_a_string.map(lambda value: _message("join", roomId=value)),
    not_a_string.map(lambda value: _message("join", roomId=ROOM, clientId=value)),
    values.filter(lambda value: value is not None and not isinstance(value, dict)).map(
        lambda value: _message("join", roomId=ROOM, metadata=value)
    ),
    st.sampled_from(["", "\u0000", "a\nb", "\u0085", "x" * 129]).map(
        lambda room: _message("join", roomId=room)
    ),
    st.text(string.ascii_letters, min_size=1, max_size=8).map(
        lambda token: _message("join", roomId=ROOM, clientId="k3J9aQ", resumeToken=token)
    ),
    st.text(string.ascii_letters, max_size=8).map(
        lambda to: _message("signal", roomId=ROOM, to="~" + to, data=1)
    ),
    st.text(string.ascii_letters, max_size=8).map(
        lambda room: _message("broadcast", roomId="~" + room, data=1)
    ),
    surrogates.map(_broadcast),
    surrogates.map(lambda text: '{"type":"ping",' + text + ":1}"),
    st.sampled_from(["01", "1.", ".5", "+1", "NaN", "Infinity", "0x1", "'a'", "{a:1}", "[1,]"]).map(
        _broadcast
    ),
    st.integers(min_value=64, max_value=15_000).map(_nested),
    st.integers(min_value=1025, max_value=30_000).map(
        lambda size: _message("join", roomId=ROOM, metadata={"x": "x" * size})
    ),
)
valid_frames = st.tuples(
    texts, st.sampled_from(["", '"from":"forged",', '"x":[[1e999]],', '"sender":null,'])
).map(
    lambda parts: Valid(
        parts[0].strip(),
        f'{{"type":"broadcast",{parts[1]}"roomId":{json.dumps(ROOM)},"data":',
        ',"from":"forged too"}',
    )
)
frames = st.one_of(invalid_frames.map(Invalid), invalid_frames.map(Invalid), valid_frames)


class Table:
    """Two members of a room: one speaks, the other notices whatever there is to notice."""

    def __init__(self, url: str) -> None:
        self.speaker, self.witness = Caller(url), Caller(url)
        self.witness.joins(ROOM)
        self.speaker.joins(ROOM)
        self.witness.hears("peer-joined")

    def nothing_else_happened(self) -> None:
        """The next thing that the witness hears is what the speaker says now.

        A second answer to the speaker would stand in the way of its next one; every tenth time
        we look for it at once.
        """
        mark = next(_numbers)
        self.speaker.broadcasts(mark)
        assert self.witness.hears("broadcast")["data"] == mark
        if mark % 10 == 0:
            self.speaker.hears_nothing_more()

    def refuses(self, frame: str | bytes) -> None:
        self.speaker.says(frame)
        error = self.speaker.hears("error")
        assert error["code"] in CODES
        assert error["message"]
        self.nothing_else_happened()

    def relays(self, valid: Valid) -> None:
        self.speaker.says(valid.before + valid.data + valid.after)
        room, sender = json.dumps(ROOM, ensure_ascii=False), json.dumps(self.speaker.client_id)
        expected = f'{{"type":"broadcast","roomId":{room},"from":{sender},"data":{valid.data}}}'
        assert self.witness.hears_text() == expected
        self.nothing_else_happened()


@pytest.fixture(scope="module")
def table(service: Service) -> Iterator[Table]:
    table = Table(service.websocket)
    yield table
    table.speaker.hears_nothing_more()
    table.speaker.close()
    table.witness.close()


@pytest.mark.timeout(300)
@settings(
    max_examples=2000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(frame=frames)
def test_any_frame_is_relayed_or_refused(table: Table, frame: Invalid | Valid) -> None:
    if isinstance(frame, Valid):
        table.relays(frame)
    else:
        table.refuses(frame.frame)


@settings(max_examples=10, deadline=None)
@given(size=st.integers(min_value=32_769, max_value=120_000), binary=st.booleans())
def test_any_frame_beyond_32_kb_is_1009(service: Service, size: int, binary: bool) -> None:
    frame = base64.b64encode(b"x" * size)[:size]
    with Caller(service.websocket) as caller:
        caller.says(frame if binary else frame.decode())
        assert caller.closes_with() == 1009
