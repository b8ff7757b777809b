"""Addresses of the internet protocol in texts, read as AWS reads them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

_V4: Final = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_V6: Final = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")


@dataclass(frozen=True, slots=True)
class Address:
    """`bits`: 32 or 128. An IPv6 address that maps an IPv4 one is the latter, as Java has it."""

    bits: int
    number: int

    def prefix(self, length: int) -> Address:
        """Return the address with only its first bits left: equal for all addresses of one network."""
        free = self.bits - length
        return Address(self.bits, self.number >> free << free)


def read_address(text: str) -> Address | None:
    """Return the address that a text is; None for any other text, a host's name or one with a zone among them."""
    try:
        if _V4.fullmatch(text):
            return Address(32, int.from_bytes(bytes(map(int, text.split("."))), "big"))
        if _V6.fullmatch(text):
            address = ipaddress.IPv6Address(text)
            mapped = address.ipv4_mapped
            return Address(128, int(address)) if mapped is None else Address(32, int(mapped))
    except ValueError:
        return None
    return None
