"""API keys: `am_<id>_<secret>`. Only a hash is kept: the secret has 256 random bits, so no salt is needed."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Final, Literal

from automations.ports import ApiKey

Scope = Literal["ingest", "read", "admin"]
SCOPES: Final = ("ingest", "read", "admin")
_PREFIX: Final = "am"


def new_api_key(name: str, scopes: Collection[Scope], now: int) -> tuple[ApiKey, str]:
    """Make a key; returns what is stored, and the text that its owner is shown once."""
    identity = secrets.token_hex(6)
    text = f"{_PREFIX}_{identity}_{secrets.token_urlsafe(32)}"
    ordered = tuple(scope for scope in SCOPES if scope in scopes)
    return ApiKey(identity, name, _hash(text), ordered, now), text


def matching_key(text: str, keys: Mapping[str, ApiKey]) -> ApiKey | None:
    """Return the valid key that this text is, of those given by id."""
    prefix, _, rest = text.partition("_")
    key = keys.get(rest.partition("_")[0])
    if prefix != _PREFIX or key is None or key.revoked is not None:
        return None
    return key if hmac.compare_digest(key.secret_hash, _hash(text)) else None


def allows(key: ApiKey, scope: Scope) -> bool:
    """True when the key may do this; `admin` may do everything."""
    return scope in key.scopes or "admin" in key.scopes


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
