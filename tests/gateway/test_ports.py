"""The desk's ports, and what is accepted there."""

from __future__ import annotations

import asyncio
import socket

import pytest

from infra.local import ports


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_what_is_accepted_sends_without_waiting_for_acknowledgements(host: str) -> None:
    """Otherwise each second answer on a connection that is kept comes 40 ms late."""

    async def accepted() -> int:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted: socket.socket = writer.get_extra_info("socket")
            answer.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = ports.listen(host, 0)
        async with await asyncio.start_server(greet, sock=listener):
            _, writer = await asyncio.open_connection(host, ports.number_of(listener))
            found = await answer
            writer.close()
            await writer.wait_closed()
            return found

    assert asyncio.run(accepted()) == 1
