"""A certificate for the run: browsers give camera and microphone only to secure pages."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

# "Give me this interface's address": the number of that request differs between systems.
SIOCGIFADDR = {"linux": 0x8915, "darwin": 0xC0206921}


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """A key and a self-signed certificate for all of this machine's names; (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(alternative_names(), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    paths = directory / "certificate.pem", directory / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].touch(mode=0o600)
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def alternative_names() -> x509.SubjectAlternativeName:
    """Every name and address by which a browser may reach this machine."""
    hosts = ["localhost", socket.gethostname()]
    addresses = ["127.0.0.1", "::1", *lan_addresses()]
    return x509.SubjectAlternativeName(
        [
            *(x509.DNSName(host) for host in hosts if host.isascii()),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
        ]
    )


def lan_addresses() -> list[str]:
    """This machine's IPv4 addresses in its networks, asked of the kernel and of nobody else."""
    names = (name for _, name in socket.if_nameindex())
    return sorted(a for a in addresses_of(names) if not ipaddress.ip_address(a).is_loopback)


def addresses_of(interfaces: Iterable[str]) -> Iterable[str]:
    """The address of each interface that has one."""
    request = SIOCGIFADDR.get(sys.platform)
    if request is None:
        return
    import fcntl  # not on Windows

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for interface in interfaces:
            with contextlib.suppress(OSError):
                name = struct.pack("256s", interface.encode()[:15])
                yield socket.inet_ntoa(fcntl.ioctl(asking.fileno(), request, name)[20:24])
