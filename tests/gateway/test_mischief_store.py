"""The store is killed in the middle of traffic, and comes back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

import pytest

from infra.local.tables import create_tables
from tests import parts
from tests.conversations.caller import Caller, Frame

ROUNDS = 20


@dataclass
class Traffic:
    """Two who talk without waiting for an answer, and all that came of it.

    What is posted may arrive twice: a post whose answer is late is made again.
    """

    ada: Caller
    bea: Caller
    asked: int = 0
    answers: dict[str, Frame] = field(default_factory=dict)
    """By the id of the frame that they answer."""
    arrived: set[str] = field(default_factory=set)

    def goes_on(self, rounds: int = ROUNDS) -> None:
        for _ in range(rounds):
            self.asked += 1
            self.ada.says({"type": "ping", "id": f"ping {self.asked}"})
            self.ada.signals(self.bea, f"signal {self.asked}", id=f"signal {self.asked}")

    def comes_to_an_end(self) -> None:
        """Wait until each ping has its answer, and each signal has arrived or is refused."""
        parts.eventually(self._has_come_to_an_end, deadline=90)

    def _has_come_to_an_end(self) -> bool:
        while answer := self.ada.overhears():
            self.answers[answer["id"]] = answer
        while signal := self.bea.overhears():
            self.arrived.add(signal["data"])
        kinds = ("ping", "signal")
        asked = {f"{kind} {number + 1}" for kind in kinds for number in range(self.asked)}
        return asked == {*self.answers, *self.arrived}

    def codes(self, *frames: str) -> set[str]:
        """How these frames were answered."""
        return {str(self.answers[f].get("code", self.answers[f]["type"])) for f in frames}


@pytest.mark.parametrize("store", [parts.dynamodb_local_process, parts.ministack_process])
def test_a_store_that_is_killed_amid_traffic_yields_internal_and_all_goes_on_when_it_is_back(
    store: Callable[[int], AbstractContextManager[parts.Store]],
) -> None:
    port = parts.free_port()
    with ExitStack() as stack:
        endpoint, process = stack.enter_context(store(port))
        url = stack.enter_context(parts.desk({"AWS_ENDPOINT_URL_DYNAMODB": endpoint}))
        ada, bea = (stack.enter_context(Caller(f"{url.replace('http', 'ws', 1)}/ws")) for _ in "ab")
        ada.joins("garden")
        bea.joins("garden")
        ada.hears("peer-joined")

        traffic = Traffic(ada, bea)
        traffic.goes_on()
        traffic.comes_to_an_end()
        assert traffic.codes("ping 1") == {"pong"}
        assert "signal 1" in traffic.arrived
        traffic.goes_on()
        process.kill()
        process.wait()
        before = traffic.asked
        traffic.goes_on()
        traffic.comes_to_an_end()
        after = range(before + 1, traffic.asked + 1)
        assert traffic.codes(*(f"ping {n}" for n in after)) == {"internal"}
        assert traffic.codes(*(f"signal {n}" for n in after)) == {"internal"}

        stack.enter_context(store(port))
        create_tables(parts.dynamodb_client(endpoint), parts.TEMPLATE)
        ada.resumes(ada)
        bea.resumes(bea)
        assert ada.hears("peer-joined")["resumed"] is True
        bea.signals(ada, "we are back")
        assert ada.hears("signal")["data"] == "we are back"
