"""The numbers of API Gateway, as AWS documents them. Each may be set for a test."""

from __future__ import annotations

from dataclasses import dataclass

KB = 1024


@dataclass(frozen=True)
class Limits:
    """Times in seconds, sizes in bytes.

    `clock_scale` makes the clocks of the sockets (idle, lifetime) run that many times faster;
    handlers are never hurried, so their limit is not scaled.
    """

    frame: int = 32 * KB
    message: int = 128 * KB
    request: int = 10 * KB * KB
    idle: float = 600
    lifetime: float = 7200
    integration: float = 29
    clock_scale: float = 1
    waiting_messages: int = 256
    waiting_bytes: int = KB * KB
    threads: int = 64

    @property
    def real_idle(self) -> float:
        """Seconds of the clock on the wall."""
        return self.idle / self.clock_scale

    @property
    def real_lifetime(self) -> float:
        """Seconds of the clock on the wall."""
        return self.lifetime / self.clock_scale
