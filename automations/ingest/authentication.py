"""Who may post to a webhook."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from automations.errors import Refused


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """No authentication, written out in the file as `{type: none}`."""

    def check(self, headers: Mapping[str, str]) -> None:
        """Let everybody in."""


class BearerTokens:
    """`Authorization: Bearer TOKEN` with one of several tokens, so that they can be rotated.

    Keeps digests only.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._digests = tuple(sha256(token.encode()).digest() for token in tokens)

    def check(self, headers: Mapping[str, str]) -> None:
        """Refused `unauthorized` (401). Every token is compared, in constant time."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        digest = sha256(token.strip().encode()).digest()
        known = [hmac.compare_digest(digest, own) for own in self._digests]
        if scheme.lower() != "bearer" or not any(known):
            raise Refused(
                "the bearer token is missing or wrong",
                code="unauthorized",
                status=401,
                hint="send Authorization: Bearer TOKEN",
            )


Authentication = OpenDoor | BearerTokens
