"""Addresses of a cluster: `tls://HOST:PORT`, `tcp://127.0.0.1:PORT` and `local:N`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Self

from scoring.errors import ClusterError, shorten_repr

__all__ = ["DEFAULT_PORT", "ClusterAddress", "is_loopback"]

DEFAULT_PORT: Final = 8786

_ADDRESS: Final = re.compile(r"(?P<scheme>tls|tcp)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>\d{1,5}))?")
_LOCAL: Final = re.compile(r"local:([1-9]\d{0,2})")
_HELP: Final = "Use tls://HOST:PORT, or local:N for N worker processes on this machine"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class ClusterAddress:
    """Where the scheduler listens, or the number of worker processes to start on this machine."""

    scheme: str
    host: str
    port: int
    n_local: int = 0
    """The number of worker processes of `local:N`; 0 for the address of a scheduler."""

    def __str__(self) -> str:
        return f"local:{self.n_local}" if self.n_local else f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_encrypted(self) -> bool:
        return self.scheme == "tls"

    @classmethod
    def parse(cls, text: str, *, allow_local: bool = True, allow_any_host: bool = False) -> Self:
        """Return the address of a text.

        Parameters
        ----------
        text: What the user gave.
        allow_local: Whether `local:N` is allowed.
        allow_any_host: Whether the address is one to listen on, so that 0.0.0.0 is allowed.

        Raises
        ------
        ClusterError: If it is not an address, or is not encrypted and does not stay on this machine.
        """
        local = _LOCAL.fullmatch(text)
        if local and allow_local:
            return cls("tls", "127.0.0.1", 0, int(local[1]))
        found = _ADDRESS.fullmatch(text)
        port = int(found["port"] or DEFAULT_PORT) if found else 0
        if found is None or port > 65_535 or (port == 0 and not allow_any_host):
            advice = _HELP if allow_local else "Use tls://HOST:PORT"
            raise ClusterError(f"{shorten_repr(text)} is not the address of a cluster. {advice}.", reason="address")
        address = cls(found["scheme"], found["host"], port)
        if not address.is_encrypted and not is_loopback(address.host):
            raise ClusterError(
                f"{address} is not encrypted. A program on the network could read ids and run code. Use tls:// with "
                "certificates of `scoring cluster certificates`.",
                reason="not encrypted",
                address=str(address),
            )
        if not allow_any_host and address.host in ("0.0.0.0", "[::]"):
            raise ClusterError(
                f"{address} is an address to listen on. Use the name or the number of the scheduler's machine.",
                reason="address",
                address=str(address),
            )
        return address
