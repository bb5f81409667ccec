"""Ports: taken, free, and kept from the first moment on."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Iterator

from infra.local.errors import DeskError


def listen(host: str, port: int) -> socket.socket:
    """A socket that has the port (0: any free one) from now on; a DeskError if it cannot.

    It listens at once: a port that is merely bound could still be taken by another desk.
    """
    listener = bound(host, port)
    try:
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise refusal(host, port, error) from error
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def kept_for_child(port: int) -> Iterator[int]:
    """A port (0: any free one) that a child may listen on, and nobody else gets by chance."""
    with bound("127.0.0.1", port) as keeper:
        number = number_of(keeper)
        if sys.platform != "linux":
            keeper.close()  # elsewhere the child could not have it either
        yield number


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to the port; a DeskError in one line if that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY on what is accepted. Without, an answer's
    # body waits for the caller to acknowledge its headers: 40 ms on a connection that is kept.
    binding = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    binding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        binding.bind((host, port))
    except (OSError, OverflowError) as error:
        binding.close()
        raise refusal(host, port, error) from error
    return binding


def refusal(host: str, port: int, error: OSError | OverflowError) -> DeskError:
    """Why the port cannot be had."""
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        return DeskError(f"Port {port} is taken: choose another one with --port or PORT.")
    return DeskError(f"Port {port} of {host} cannot be opened: {error}.")


def number_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])
