from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from automations.sinks.addresses import AddressDeniedError, check_address

DENIED = [
    "0.0.0.0",  # noqa: S104  # an address to judge
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.19.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::169.254.169.254",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:808:808::f5ff:fffe",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%2",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.15",
    "172.32.0.0",
    "192.0.1.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:200::1",
    "2606:4700::1111",
    "2a00::1",
]


def denied(address: str, *allowed: str) -> bool:
    try:
        check_address(address, [ip_network(text) for text in allowed])
    except AddressDeniedError:
        return True
    return False


@pytest.mark.parametrize("address", DENIED)
def test_what_is_not_public_is_denied(address: str) -> None:
    assert denied(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert not denied(address)


def test_a_setting_admits_a_network_and_nothing_beside_it() -> None:
    assert not denied("10.1.2.3", "10.1.0.0/16")
    assert denied("10.2.2.3", "10.1.0.0/16")
    assert not denied("fd00::7", "fd00::/64")
    assert not denied("::1", "::1/128")


def test_an_admitted_ipv4_network_is_admitted_in_its_mapped_form_too() -> None:
    assert not denied("::ffff:127.0.0.1", "127.0.0.0/8")
    assert denied("::127.0.0.1", "127.0.0.0/8")


def test_the_error_names_the_address_and_the_setting() -> None:
    with pytest.raises(AddressDeniedError, match=r"127\.0\.0\.1 is not public.*'allow'") as caught:
        check_address("127.0.0.1", [])
    assert caught.value.code == "address-denied"


# --- a slow and obvious oracle -------------------------------------------------------------------------------

RANGES_OF_V4 = [
    ("0.0.0.0", "0.255.255.255"),  # noqa: S104  # an address to judge
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "255.255.255.255"),
]


def denied_by_hand(address: str) -> bool:
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return any(IPv4Address(low) <= ip <= IPv4Address(high) for low, high in RANGES_OF_V4)
    groups = [int(group, 16) for group in ip.exploded.split("%")[0].split(":")]
    last = f"{groups[6] >> 8}.{groups[6] & 255}.{groups[7] >> 8}.{groups[7] & 255}"
    if groups[:6] in ([0, 0, 0, 0, 0, 0xFFFF], [0x64, 0xFF9B, 0, 0, 0, 0]):
        return denied_by_hand(last)
    special = groups[0] == 0x2001 and (groups[1] < 0x200 or groups[1] == 0xDB8)
    documentation = groups[0] == 0x3FFF and groups[1] < 0x1000
    return not 0x2000 <= groups[0] <= 0x3FFF or special or documentation or groups[0] == 0x2002


edges = st.sampled_from([text for pair in RANGES_OF_V4 for text in pair])
near_an_edge = st.builds(
    lambda text, step: IPv4Address((int(IPv4Address(text)) + step) % 2**32), edges, st.integers(-2, 2)
)
v4 = near_an_edge | st.ip_addresses(v=4)
prefixes = st.sampled_from([0, 0xFFFF << 32, 0x64FF9B << 96, 0x64FF9B0001 << 80, 0x2002 << 112, 0x20010000 << 96])
embedded = st.builds(lambda prefix, ip: IPv6Address(prefix | int(ip)), prefixes, v4)
global_unicast = st.builds(lambda low: IPv6Address(0x2 << 124 | low), st.integers(0, 2**124 - 1))
addresses = st.one_of(v4, embedded, global_unicast, st.ip_addresses(v=6)).map(str)


@given(addresses)
@example("64:ff9b:1::8.8.8.8")
def test_every_address_is_judged_as_by_the_table_of_ranges(address: str) -> None:
    assert denied(address) == denied_by_hand(address)


@given(addresses)
def test_nothing_passes_that_the_standard_library_calls_special(address: str) -> None:
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        nat64 = ip in ip_network("64:ff9b::/96")
        ip = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFFFFFF) if nat64 else ip)
    special = ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified
    assert denied(address) or not special
