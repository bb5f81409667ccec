"""A post sink: answers the management API's calls at once and keeps nothing. `python -m … PORT`."""

from __future__ import annotations

import asyncio
import sys

_FOUND = b'{"connectedAt":"2026-01-01T00:00:00Z","lastActiveAt":"2026-01-01T00:00:00Z"}'


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(length(head))
            writer.write(answer(_FOUND if head.startswith(b"GET") else b""))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def length(head: bytes) -> int:
    """What the head says of its body's length; a body without it is none."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def main(port: int) -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
