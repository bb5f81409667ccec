"""Who does too much: what one address, one token, one socket may do, and what it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.ports import Passcodes
from chalicelib.quotas import Quota, Quotas
from chalicelib.rooms import Pass, RateLimited, RoomId
from chalicelib.settings import Settings

_PATIENCE = Quota("refusals", 10, 60)
_joins = Quota("joins", 0, 60, batch=5)
_rooms = Quota("new rooms", 0, 3600, batch=5)
_passcodes = Quota("passcodes", 0, 600)
_guesses = Quota("guesses", 0, 3600)
_sockets = Quota("sockets", 0, 600, batch=10)
_tokens = Quota("tokens", 0, 600, batch=5)
_messages = Quota("messages", 0, 60, batch=50)
_traffic = Quota("posts", 0, 60, batch=250)


@dataclass(frozen=True, slots=True)
class Allowances:
    """How much of what; by default as much as one likes."""

    joins: Quota = _joins
    """By address, and by token: attempts to take a seat."""
    rooms: Quota = _rooms
    """By address, and by token: rooms made."""
    passcodes: Quota = _passcodes
    """By address: passcodes that were wrong, or new."""
    guesses: Quota = _guesses
    """By room: passcodes that were wrong."""
    sockets: Quota = _sockets
    """By address: sockets opened."""
    tokens: Quota = _tokens
    """By address: proofs that did not hold."""
    messages: Quota = _messages
    """By socket: frames in."""
    traffic: Quota = _traffic
    """By address: frames in, and posts that they caused."""


def allowances(chosen: Settings) -> Allowances:
    """What the operator has chosen."""
    return Allowances(
        joins=replace(_joins, limit=chosen.joins_per_minute),
        rooms=replace(_rooms, limit=chosen.rooms_per_hour),
        passcodes=replace(_passcodes, limit=chosen.wrong_passcodes),
        guesses=replace(_guesses, limit=chosen.wrong_passcodes_per_room),
        sockets=replace(_sockets, limit=chosen.sockets_per_address),
        tokens=replace(_tokens, limit=chosen.wrong_tokens),
        messages=replace(_messages, limit=chosen.messages_per_minute),
        traffic=replace(_traffic, limit=chosen.posts_per_minute),
    )


class Guard:
    """Asked before something is done that costs, or that could be tried again and again.

    `source` is where somebody comes from: an address as `sources.network` has it. Whatever is too
    much raises RateLimited.
    """

    def __init__(self, quotas: Quotas, passcodes: Passcodes, allowed: Allowances) -> None:
        self._quotas = quotas
        self._passcodes = passcodes
        self._allowed = allowed

    def opens(self, source: str) -> None:
        """Somebody opens a socket, and not the first one of late."""
        self._quotas.spend(self._allowed.sockets, source)

    # -- talking ---------------------------------------------------------------------------------

    def hears(self, connection: str, source: str) -> None:
        """A frame has come in."""
        self._quotas.check(self._allowed.traffic, source)
        self._quotas.spend(self._allowed.messages, connection)

    def said(self, source: str, posts: int) -> None:
        """What a frame has caused; it is too late to refuse that."""
        self._charge(self._allowed.traffic, source, 1 + posts)

    def gives_up(self, connection: str) -> bool:
        """Whether a socket that is refused now has been refused too often already."""
        return self._quotas.noted(_PATIENCE, connection) > _PATIENCE.limit

    # -- coming in -------------------------------------------------------------------------------

    def joins(self, source: str, pass_: Pass) -> None:
        """Somebody wants a seat."""
        for whose in _whose(source, pass_):
            self._quotas.spend(self._allowed.joins, whose)

    def may_make_rooms(self, source: str, pass_: Pass) -> bool:
        """Whether a room may come into being, as far as this process knows."""
        try:
            for whose in _whose(source, pass_):
                self._quotas.check(self._allowed.rooms, whose)
        except RateLimited:
            return False
        return True

    def refuses_rooms(self, source: str, pass_: Pass) -> None:
        """Says why."""
        for whose in _whose(source, pass_):
            self._quotas.check(self._allowed.rooms, whose)

    def made_room(self, source: str, pass_: Pass) -> None:
        """A room has come into being."""
        for whose in _whose(source, pass_):
            self._charge(self._allowed.rooms, whose, 1)

    # -- secrets ---------------------------------------------------------------------------------

    def tokens(self, source: str) -> None:
        """Somebody comes with a proof."""
        self._quotas.check(self._allowed.tokens, source)

    def wrong_token(self, source: str) -> None:
        """A proof did not hold."""
        self._charge(self._allowed.tokens, source, 1)

    def fits(self, room_id: RoomId, source: str, passcode: str, seal: str) -> bool:
        """Whether it is the passcode. A guess is counted before it is looked at."""
        tries = ((self._allowed.passcodes, source), (self._allowed.guesses, room_id))
        for quota, whose in tries:
            self._quotas.spend(quota, whose)
        if not self._passcodes.fits(passcode, seal):
            return False
        for quota, whose in tries:
            self._quotas.give_back(quota, whose)
        return True

    def seal(self, source: str, passcode: str) -> str:
        """The seal of a new passcode."""
        self._quotas.spend(self._allowed.passcodes, source)
        return self._passcodes.seal(passcode)

    def _charge(self, quota: Quota, whose: str, amount: int) -> None:
        try:
            self._quotas.spend(quota, whose, amount)
        except RateLimited:
            return  # what comes next will be


def _whose(source: str, pass_: Pass) -> list[str]:
    return [f"from {source}", *([f"as {pass_.subject}"] if pass_.subject else [])]
