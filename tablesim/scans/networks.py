"""Keeps fetching within networks: a document may lead to public hosts and to its own network, the user anywhere.

A manifest, a collection, an ``info.json`` or a redirect may name any host, also one that only this machine can reach.
Names are resolved once, so that the address that was checked is the one that is connected to.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from typing import Any

from tablesim.errors import FetchError

_INTRANETS = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""Addresses for use within an institution (RFC 1918, 6598, 4193)."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Resolver:
    """Resolves hosts, each once."""

    def __init__(self) -> None:
        self._resolved: dict[str, list[str]] = {}

    def addresses(self, host: str) -> list[str]:
        """The IP addresses of a host; socket.gaierror where nobody knows it."""
        if host not in self._resolved:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            self._resolved[host] = list(dict.fromkeys(str(info[4][0]) for info in infos))
        return self._resolved[host]

    def forget(self, host: str) -> None:
        """Resolve a host anew the next time: it may have moved."""
        self._resolved.pop(host, None)

    def allowed(self, host: str, referring_host: str | None) -> list[str]:
        """The addresses of ``host`` to which a document of ``referring_host`` may lead; None is the user's word.

        Raises
        ------
        FetchError
            There are none.
        socket.gaierror
            Nobody knows the host.
        """
        addresses = self.addresses(host)
        networks = {"public"}
        if referring_host is None or {*map(network_of, addresses)} <= networks:
            return addresses
        with suppress(socket.gaierror):
            networks |= {*map(network_of, self.addresses(referring_host))}
        allowed = [address for address in addresses if network_of(address) in networks]
        if not allowed:
            raise FetchError(
                "not asked for, because it lies in a private network, to which only sources of your own in that "
                "network may lead; download the scans by hand and give their folder"
            )
        return allowed


def network_of(address: str) -> str:
    """The network of an IP address: "public", "loopback", "intranet", or the address itself, which is a network alone.

    Link-local, multicast and reserved addresses are alone. An IPv4 address inside of an IPv6 address counts as itself.
    """
    ip: Any = ipaddress.ip_address(address)
    if ip.version == 6:
        inner = ip.ipv4_mapped or ip.sixtofour or (ipaddress.ip_address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        ip = inner or ip
    if ip.is_loopback:
        return "loopback"
    if any(ip.version == network.version and ip in network for network in _INTRANETS):
        return "intranet"
    return "public" if ip.is_global and not ip.is_multicast else str(ip)
