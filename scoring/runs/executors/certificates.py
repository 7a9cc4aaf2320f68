"""Certificates of a cluster: a certificate authority (CA) of its own, and one certificate for all its processes.

A folder contains `ca.pem` (the CA's certificate), `node.pem` and `node.key` (certificate and key of the processes), and
`ca.key` (the CA's key, needed only to make further certificates). Each process of a cluster needs the first three.
"""

from __future__ import annotations

import socket
import ssl
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scoring.errors import ClusterError
from scoring.optional_dependencies import require
from scoring.runs.executors.cluster_address import ClusterAddress
from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import describe_os_error, wrap_os_errors

if TYPE_CHECKING:
    from distributed.security import Security

__all__ = ["CA", "CA_KEY", "NODE", "NODE_KEY", "check_connection", "create_certificates", "make_security"]

CA, CA_KEY, NODE, NODE_KEY = "ca.pem", "ca.key", "node.pem", "node.key"
_CONNECT_SECONDS: Final = 5.0


def create_certificates(folder: Path, *, days: int = 365) -> bool:
    """Write a CA, and a certificate signed by it. Return False if the folder has a CA: it signs a new certificate then.

    Keys are readable by their owner only. The names of hosts are not part of the certificate: every process with a
    certificate of the CA belongs to the cluster.

    Raises
    ------
    MissingDependencyError: If `cryptography` is not installed.
    ClusterError: If the existing CA cannot be used.
    OutputError: If the folder cannot be written.
    """
    require("A cluster", "cluster", "cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.now(UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def build(subject: x509.Name, issuer: x509.Name, key: Any, signer: Any, is_ca: bool, days: int) -> Any:
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
        )
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))  # clocks of machines differ
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, decipher_only=False, **usage
                ),
                critical=True,
            )
        )
        if not is_ca:
            purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            made = made.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        return made.sign(signer, hashes.SHA256())

    def encode_key(key: Any) -> bytes:
        kind = serialization.PrivateFormat.PKCS8
        return bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))

    def encode(certificate: Any) -> bytes:
        return bytes(certificate.public_bytes(serialization.Encoding.PEM))

    with wrap_os_errors(folder, content="Certificates"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not (folder / CA).exists() and not (folder / CA_KEY).exists()
        if is_new:
            ca_key: Any = ec.generate_private_key(ec.SECP256R1())
            issuer = name("scoring cluster CA")
            ca = build(issuer, issuer, ca_key, ca_key, True, max(days, 3650))
            replace_file(folder / CA_KEY, encode_key(ca_key), mode=0o600)
            replace_file(folder / CA, encode(ca), mode=0o644)
        else:
            try:
                ca = x509.load_pem_x509_certificate((folder / CA).read_bytes())
                ca_key = serialization.load_pem_private_key((folder / CA_KEY).read_bytes(), None)
            except (OSError, ValueError, TypeError) as error:
                raise ClusterError(
                    f"{folder} has no usable CA: {CA} and {CA_KEY} are both required. Use another folder, or copy both "
                    "files to it.",
                    reason="certificates",
                ) from error
            if ca.public_key() != ca_key.public_key():
                raise ClusterError(
                    f"{folder}: {CA_KEY} is not the key of {CA}. Use another folder.", reason="certificates"
                )
        node_key = ec.generate_private_key(ec.SECP256R1())
        node = build(name("scoring cluster node"), ca.subject, node_key, ca_key, False, days)
        replace_file(folder / NODE_KEY, encode_key(node_key), mode=0o600)
        replace_file(folder / NODE, encode(node), mode=0o644)
    return is_new


def _check_files(folder: Path) -> None:
    """Raise ClusterError if a file is missing, readable by others, or expired."""
    for name in (CA, NODE, NODE_KEY):
        path = folder / name
        try:
            mode = path.stat().st_mode
            with path.open("rb"):
                pass
        except OSError as error:
            raise ClusterError(
                f"{path} cannot be read ({describe_os_error(error)}). Make certificates with `scoring cluster "
                "certificates` on one machine, and copy ca.pem, node.pem and node.key to each machine.",
                reason="certificates",
            ) from error
        if name == NODE_KEY and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ClusterError(
                f"{path} is a private key that other users may read or change. Run: chmod 600 {path}",
                reason="certificates",
            )
    end = _read_end(folder / NODE)
    if end is not None and end < datetime.now(UTC):
        raise ClusterError(
            f"{folder / NODE} expired on {end:%Y-%m-%d}. Run `scoring cluster certificates` again where {CA_KEY} is, "
            f"and copy {NODE} and {NODE_KEY} to each machine.",
            reason="certificates",
        )


def _read_end(path: Path) -> datetime | None:
    """Return when a certificate expires; None if it cannot be read."""
    from cryptography import x509

    with suppress(OSError, ValueError):
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    return None


def make_security(address: ClusterAddress, folder: Path | None) -> Security:
    """Return Dask's settings for an address. An encrypted cluster accepts only processes with a certificate of its CA.

    Raises
    ------
    ClusterError: If certificates are required and cannot be used.
    """
    require("A cluster", "cluster", "distributed", "cryptography")
    from distributed.security import Security

    if not address.is_encrypted:
        return Security(require_encryption=False)
    folder = _require_folder(address, folder)
    _check_files(folder)
    files = {"cert": str(folder / NODE), "key": str(folder / NODE_KEY)}
    roles = {f"tls_{role}_{kind}": path for role in ("client", "worker", "scheduler") for kind, path in files.items()}
    security = Security(require_encryption=True, tls_ca_file=str(folder / CA), **roles)
    try:
        security.get_connection_args("client")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise ClusterError(
            f"The certificates in {folder} cannot be used: {_describe(error)}. Make new ones with `scoring cluster "
            "certificates`.",
            reason="certificates",
        ) from error
    return security


def _require_folder(address: ClusterAddress, folder: Path | None) -> Path:
    if folder is None:
        raise ClusterError(
            f"{address} needs certificates. Give their folder with --certificates.",
            reason="certificates",
            address=str(address),
        )
    return folder


def check_connection(address: ClusterAddress, security: Security) -> None:
    """Connect to a scheduler once, because Dask retries for a long time and hides the cause.

    Raises
    ------
    ClusterError: If the machine does not answer, or one side rejects the certificate of the other.
    """
    try:
        with socket.create_connection((address.host.strip("[]"), address.port), _CONNECT_SECONDS) as plain:
            context = security.get_connection_args("client")["ssl_context"] if address.is_encrypted else None
            if context is None:
                return
            with context.wrap_socket(plain) as encrypted:
                # a server that rejects the certificate of a client sends an alert after the handshake
                encrypted.settimeout(2.0)
                with suppress(TimeoutError):
                    encrypted.recv(1)
    except ssl.SSLError as error:
        raise ClusterError(
            f"The scheduler at {address} and this machine do not trust each other ({_describe(error)}). Both need "
            "certificates of the same CA: copy ca.pem, node.pem and node.key from one folder to both machines.",
            reason="certificates",
            address=str(address),
        ) from error
    except OSError as error:
        raise ClusterError(
            f"The scheduler at {address} does not answer ({describe_os_error(error)}). Start it with `scoring cluster "
            "scheduler`, and check the address and the firewall.",
            reason="not reachable",
            address=str(address),
        ) from error


def _describe(error: BaseException) -> str:
    text = getattr(error, "verify_message", None) or getattr(error, "reason", None) or str(error)
    return str(text).replace("_", " ").lower()
