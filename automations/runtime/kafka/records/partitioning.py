"""Which partition a key chooses: by murmur2, as Java's producers choose it."""

from __future__ import annotations

from collections.abc import Sequence
from struct import unpack_from
from typing import Final

from aiokafka.partitioner import DefaultPartitioner

_MULTIPLIER: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C
_32_BITS: Final = 0xFFFFFFFF
_client: Final = DefaultPartitioner()


def murmur2(key: bytes) -> int:
    """The hash of a key, unsigned. The client has one too, which takes twice as long; each record needs it."""
    words, rest = divmod(len(key), 4)
    mixed = _SEED ^ len(key)
    for word in unpack_from(f"<{words}I", key):
        product = word * _MULTIPLIER & _32_BITS
        mixed = (mixed * _MULTIPLIER ^ (product ^ product >> 24) * _MULTIPLIER) & _32_BITS
    if rest:
        mixed = (mixed ^ int.from_bytes(key[-rest:], "little")) * _MULTIPLIER & _32_BITS
    mixed = (mixed ^ mixed >> 13) * _MULTIPLIER & _32_BITS
    return mixed ^ mixed >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that a key chooses."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def choose(key: bytes | None, partitions: Sequence[int], available: Sequence[int]) -> int:
    """The partitioner of our producers; a record without a key goes to any partition."""
    if key is None:
        return int(_client(None, partitions, available))
    return partitions[partition_of(key, len(partitions))]
