"""The certificate for one run."""

from __future__ import annotations

import socket
import ssl
import stat
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from cryptography import x509

from infra.local.certificate import lan_addresses, write_certificate


def test_it_names_every_way_to_this_machine(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", socket.gethostname()} <= set(names.get_values_for_type(x509.DNSName))
    addresses = set(names.get_values_for_type(x509.IPAddress))
    assert {IPv4Address("127.0.0.1"), IPv6Address("::1")} <= addresses
    assert {IPv4Address(address) for address in lan_addresses()} <= addresses
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_server_can_use_it(tmp_path: Path) -> None:
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
        *write_certificate(tmp_path)
    )


def test_lan_addresses_are_not_loopback() -> None:
    assert not any(address.startswith("127.") for address in lan_addresses())
