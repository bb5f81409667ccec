"""The benchmark's own sums; how long anything takes is never asserted."""

from __future__ import annotations

import os

import pytest

from tests.bench import prices
from tests.bench.frames import UNIT, Reader, units
from tests.bench.measure import Row, percentile
from tests.bench.proxy import Passed, kind


@pytest.mark.parametrize(("size", "billed"), [(0, 1), (1, 1), (UNIT, 1), (UNIT + 1, 2)])
def test_a_message_is_billed_by_32_kb(size: int, billed: int) -> None:
    assert units(size) == billed


def frame(payload: bytes, head: int = 0x81, mask: bytes = b"") -> bytes:
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    if mask:
        length = bytes([length[0] | 128]) + length[1:] + mask
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([head]) + length + payload


def test_messages_are_read_whatever_the_stream_cuts_them_into() -> None:
    long = os.urandom(300)
    stream = frame(b"hi", mask=b"mask") + frame(b"", 0x89) + frame(long, 0x02) + frame(b"!", 0x80)
    reader = Reader()
    read = [message for byte in stream for message in reader.feed(bytes([byte]))]
    assert read == [b"hi", long + b"!"]


def test_a_message_is_known_by_its_type() -> None:
    assert kind(b'{"type":"OFFER"}') == "OFFER"
    assert kind(b'{"type":"publish","data":{"type":"announce"}}') == "publish announce"
    assert kind(b"not json") == "other"
    assert Passed(True, "HEARTBEAT", 20).is_heartbeat


def test_a_percentile_is_one_of_the_samples() -> None:
    samples = [float(number) for number in range(1, 21)]
    assert percentile(samples, 95) == 19
    assert percentile([7.0], 95) == 7


def test_a_goal_is_met_by_the_ratio_of_the_medians() -> None:
    row = Row("join", "ms", [1.0, 2.0, 30.0], "floor", [2.0], 1.0)
    assert (row.median, row.ratio, row.met) == (2.0, 1.0, True)


def test_dollars() -> None:
    assert prices.million_set_ups(9) == pytest.approx(9)
    assert prices.month_connected(10_000) == pytest.approx(108)
    assert prices.messages(2e9) == pytest.approx(1_800)
    assert prices.month_of_heartbeats(10_000, 480, 2) == pytest.approx(108)
