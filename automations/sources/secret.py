"""Secrets by reference: read once, when the sources are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from automations.errors import SettingsError
from automations.model.secret import SecretReference
from automations.rulefiles import read_regular

_MAX_BYTES: Final = 64 * 1024


def read_secret(reference: SecretReference, folder: Path, environ: Mapping[str, str]) -> str:
    """Return the secret; a relative path counts from `folder`. SettingsError `missing-secret`."""
    if reference.env is not None:
        name, found = f"the environment variable {reference.env}", environ.get(reference.env, "")
    else:
        path = folder / str(reference.file)
        name, found = f"the file {path}", _file_text(path)
    if not found:
        raise SettingsError(f"{name} is not set, or empty", code="missing-secret", hint="set it before the start")
    return found


def _file_text(path: Path) -> str:
    """Editors end a file with a newline, which is no part of the secret."""
    try:
        raw = read_regular(path, _MAX_BYTES + 1)
        text = raw.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the file {path} cannot be read: {error}", code="missing-secret") from None
    if len(raw) > _MAX_BYTES:
        raise SettingsError(
            f"the file {path} is larger than {_MAX_BYTES // 1024} KiB: this is no secret", code="missing-secret"
        )
    return text
