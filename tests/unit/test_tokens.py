"""Which tokens are believed, and what they are good for."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from chalicelib import journal
from chalicelib.access import Keyring, parse_keys
from chalicelib.rooms import CLOSED, Pass, Role, RoomId, Unauthorized
from chalicelib.tokens import LARGEST, Jwks, Keys, Secrets, Terms, TokenPasses
from chalicelib.wiring import SystemClock
from tests import issuer
from tests.issuer import KEYS, SECRET, confused, part, token, unsigned

GARDEN = RoomId("garden")
RSA = rsa.generate_private_key(65537, 2048)
ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()


def jwk(algorithm: Any, key: Any, key_id: str, **more: Any) -> dict[str, Any]:
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": key_id, **more}


PUBLIC = [
    jwk(RSAAlgorithm, RSA, "rsa", use="sig", alg="RS256"),
    jwk(ECAlgorithm, ELLIPTIC, "ec"),
    jwk(OKPAlgorithm, EDWARDS, "ed"),
]


class Server:
    """Somebody's JWKS: what it holds, whether it answers, how often it was asked."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys, self.asked, self.down = list(keys), 0, False
        self.now = 0.0
        self.jwks = Jwks(self, lambda: self.now)

    def __call__(self) -> bytes:
        self.asked += 1
        if self.down:
            raise TimeoutError
        return json.dumps({"keys": self.keys}).encode()


def secrets() -> Keys:
    return Secrets(parse_keys(KEYS))


def passes(*keys: Keys, audience: str = "", issuer: str = "") -> TokenPasses:
    found = keys or (secrets(), Server(*PUBLIC).jwks)
    return TokenPasses(found, Terms(audience, issuer), SystemClock())


# -- what is believed ----------------------------------------------------------------------------


def test_a_token_says_who_asks_as_what_for_which_rooms_and_until_when() -> None:
    said = token(rooms=["garden", "attic"], prefix="team-", role="moderator", exp=2_000_000_000)
    assert passes().read(said) == Pass(
        "ada", Role.MODERATOR, frozenset({"garden", "attic"}), "team-", 2_000_000_000_000
    )
    plain = passes().read(token(rooms=None))
    assert (plain.role, plain.rooms, plain.prefix) == (Role.MEMBER, frozenset(), None)


@pytest.mark.parametrize(
    ("key", "algorithm", "key_id"),
    [(RSA, "RS256", "rsa"), (ELLIPTIC, "ES256", "ec"), (EDWARDS, "EdDSA", "ed")],
)
def test_the_keys_of_a_jwks_verify(key: Any, algorithm: str, key_id: str) -> None:
    assert passes().read(token(key, algorithm, key_id)).opens(GARDEN)


def test_clocks_may_differ_by_a_minute_but_an_end_is_an_end() -> None:
    now = int(time.time())
    assert passes().read(token(nbf=now + 30, iat=now + 30))
    with pytest.raises(Unauthorized):
        passes().read(token(exp=now - 1))


def test_audience_and_issuer_matter_where_the_deployment_says_so() -> None:
    strict = passes(audience="parley", issuer="https://id.example.org")
    assert strict.read(token(aud=["other", "parley"], iss="https://id.example.org"))
    for wrong in (
        {"aud": "other", "iss": "https://id.example.org"},
        {"aud": "parley", "iss": "https://evil.example.org"},
        {"aud": "parley"},
        {"iss": "https://id.example.org"},
    ):
        with pytest.raises(Unauthorized):
            strict.read(token(**wrong))
    assert passes().read(token(aud="whoever", iss="whoever"))


# -- what is not ---------------------------------------------------------------------------------


FORGED: dict[str, Callable[[], str | None]] = {
    "none": lambda: None,
    "empty": lambda: "",
    "words": lambda: "let me in",
    "dots": lambda: "..",
    "four parts": lambda: token() + ".x",
    "not ASCII": lambda: token() + "é",
    "a surrogate": lambda: token() + "\ud800",
    "another secret": lambda: token("x" * 40),
    "alg none": unsigned,
    "alg None": lambda: unsigned({"alg": "None", "kid": "t1"}),
    "alg none, our signature": lambda: unsigned() + token().rsplit(".", 1)[1],
    "no signature": lambda: token().rsplit(".", 1)[0] + ".",
    "another signature": lambda: token().rsplit(".", 1)[0] + "." + part(b"x" * 32),
    "changed claims": lambda: ".".join(
        [token().split(".")[0], part(issuer.claims(role="admin")), token().split(".")[2]]
    ),
    "no kid": lambda: token(key_id=None),
    "unknown kid": lambda: token(key_id="t2"),
    "kid is a path": lambda: token(key_id="../../etc/passwd"),
    "kid is a list": lambda: unsigned({"alg": "HS256", "kid": ["t1"]}),
    "another HMAC": lambda: token(algorithm="HS512"),
    "key confusion": lambda: confused(RSA, "rsa"),
    "a secret for a public key": lambda: token(key_id="rsa"),
    "a public key for a secret": lambda: token(RSA, "RS256", "t1"),
    "another public key": lambda: token(RSA, "RS256", "ec"),
    "another RSA algorithm": lambda: token(RSA, "PS256", "rsa"),
    "its own key in the header": lambda: jwt.encode(
        issuer.claims(), EDWARDS, "EdDSA", {"kid": "mine", "jwk": PUBLIC[2]}
    ),
    "expired": lambda: token(exp=int(time.time()) - 3600),
    "no end": lambda: token(exp=None),
    "an endless end": lambda: token(exp=1e400),
    "an end in words": lambda: token(exp="never"),
    "not yet": lambda: token(nbf=int(time.time()) + 3600),
    "from the future": lambda: token(iat=int(time.time()) + 3600),
    "no subject": lambda: token(sub=None),
    "an empty subject": lambda: token(sub=""),
    "a long subject": lambda: token(sub="x" * 129),
    "a number as a room": lambda: token(rooms=[7]),
    "a room that is no list": lambda: token(rooms="garden"),
    "many rooms": lambda: token(rooms=[f"r{number}" for number in range(65)]),
    "a prefix that is a list": lambda: token(prefix=["garden"]),
    "an unknown role": lambda: token(role="owner"),
    "a role that is a list": lambda: token(role=["admin"]),
    "oversized": lambda: token(padding="x" * LARGEST),
    "deeply nested": lambda: f"{part(b'[' * 4000)}.{part(b'{}')}.x",
}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    journal.open_journal("DEBUG", stream=written)
    yield written
    journal.close_journal()


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_anything_else_is_refused_in_the_same_words(
    forge: Callable[[], str | None], log: io.StringIO
) -> None:
    text = forge()
    with pytest.raises(Unauthorized) as refusal:
        passes().read(text)
    assert str(refusal.value) == CLOSED
    assert "turned away" in log.getvalue()
    if text and len(text) > 10:
        assert text not in log.getvalue()


def test_a_secret_from_a_jwks_or_an_unfit_key_verifies_nothing() -> None:
    octets = {"kty": "oct", "kid": "oct", "k": part(SECRET.encode()), "alg": "HS256"}
    broken = {**PUBLIC[1], "kid": "broken", "x": "no number"}
    encrypting = {**PUBLIC[0], "kid": "enc", "use": "enc"}
    server = Server(octets, broken, encrypting, *PUBLIC)
    for text in (token(key_id="oct"), token(RSA, "RS256", "enc")):
        with pytest.raises(Unauthorized):
            passes(server.jwks).read(text)
    assert passes(server.jwks).read(token(RSA, "RS256", "rsa"))


# -- keys that change ----------------------------------------------------------------------------


def test_a_jwks_is_fetched_once_and_again_for_an_unknown_key_at_most_once_a_minute() -> None:
    server = Server(PUBLIC[0])
    gate = passes(server.jwks)
    for _ in range(3):
        gate.read(token(RSA, "RS256", "rsa"))
    assert server.asked == 1
    server.keys.append(PUBLIC[1])
    for _ in range(100):
        with pytest.raises(Unauthorized):
            gate.read(token(ELLIPTIC, "ES256", "ec"))
    assert server.asked == 1
    server.now += 60
    assert gate.read(token(ELLIPTIC, "ES256", "ec"))
    assert server.asked == 2


def test_a_server_that_is_down_takes_nothing_away() -> None:
    server = Server(*PUBLIC)
    gate = passes(server.jwks)
    gate.read(token(RSA, "RS256", "rsa"))
    server.down = True
    for _ in range(10):
        server.now += 3600
        assert gate.read(token(RSA, "RS256", "rsa"))
        with pytest.raises(Unauthorized):
            gate.read(token(RSA, "RS256", "unknown"))
    assert server.asked == 11


def test_a_withdrawn_key_is_forgotten_within_the_hour() -> None:
    server = Server(*PUBLIC)
    gate = passes(server.jwks)
    assert gate.read(token(RSA, "RS256", "rsa"))
    del server.keys[0]
    server.now += 3600
    with pytest.raises(Unauthorized):
        gate.read(token(RSA, "RS256", "rsa"))


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"keys":7}', '{"keys":[{"kty":"RSA"}]}'])
def test_what_is_no_jwks_takes_nothing_away(document: str) -> None:
    found = [json.dumps({"keys": PUBLIC}), document]
    time_passes = iter(range(0, 100_000, 3600))
    jwks = Jwks(lambda: found.pop(0).encode(), lambda: float(next(time_passes)))
    assert passes(jwks).read(token(RSA, "RS256", "rsa"))
    assert passes(jwks).read(token(RSA, "RS256", "rsa"))


def test_a_secret_is_replaced_without_a_break_and_withdrawn_within_the_hour() -> None:
    texts, now = [KEYS], [0.0]
    gate = passes(Secrets(Keyring(lambda: texts[0], lambda: now[0])))
    old, new = token(), token("n" * 43, key_id="t2")
    assert gate.read(old)
    texts[0] = f"t2:{'n' * 43},{KEYS}"
    now[0] += 60
    assert gate.read(new)
    assert gate.read(old)
    texts[0] = f"t2:{'n' * 43}"
    now[0] += 3600
    with pytest.raises(Unauthorized):
        gate.read(old)
    assert gate.read(new)
