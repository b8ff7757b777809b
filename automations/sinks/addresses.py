"""Which addresses a request that a rule makes may connect to (security.md section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from automations.errors import AutomationsError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# A list of our own: the properties of `ipaddress` let through shared address space (100.64.0.0/10), the cloud
# addresses below and multicast, and change between releases.
_DENIED: Final[Sequence[Network]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared address space of carriers
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent
        "169.254.0.0/16",  # link-local, with the metadata services of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, with Oracle's metadata service
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4, gone
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/3",  # unspecified, loopback, IPv4-compatible, local NAT64, discard
        "2001::/23",  # protocol assignments, with Teredo and ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "4000::/2",  # not assigned, with segment routing
        "8000::/1",  # unique local, link-local, site-local, multicast
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")


class AddressDeniedError(AutomationsError):
    """The name resolves to an address that requests must not reach."""

    code = "address-denied"


def check_address(text: str, allowed: Sequence[Network]) -> None:
    """Raise AddressDeniedError unless the address is public or lies in one of the `allowed` networks."""
    address = ip_address(text)
    target = _target(address)
    if _in(target, _DENIED) and not (_in(target, allowed) or _in(address, allowed)):
        raise AddressDeniedError(
            f"the address {text} is not public", hint="the webhook sink's setting 'allow' can admit it"
        )


def _target(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one leads to, where the network passes it on: mapped, or NAT64."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def _in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
