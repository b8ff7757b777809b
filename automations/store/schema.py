"""The schema's migrations: plain SQL files, applied before the store opens its own connection."""

from __future__ import annotations

from glob import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from yoyo import get_backend, read_migrations

from automations.errors import SettingsError

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def migrate(path: Path) -> None:
    """Bring the database up to this program's schema; SettingsError when a newer program has written it.

    The caller holds the file's lock, which stands in for the library's own: that one outlives a killed process.
    """
    migrations = read_migrations(escape(str(_MIGRATIONS)))
    with get_backend(f"sqlite:///{quote(str(path.absolute()))}") as backend:
        to_apply = backend.to_apply(migrations)
        _refuse_newer(path, backend, {migration.id for migration in migrations})
        for migration in to_apply:
            _apply(backend, migration)


def _refuse_newer(path: Path, backend: Any, known: set[str]) -> None:
    applied = {row[0] for row in backend.execute("SELECT migration_id FROM _yoyo_migration")}
    if unknown := sorted(applied - known):
        raise SettingsError(
            f"{path} was written by a newer version of this program (it has the migration {unknown[-1]!r})",
            code="store-newer",
            hint="upgrade the program, or open a copy that was made before",
        )


def _apply(backend: Any, migration: Any) -> None:
    """In one transaction with its mark. The library's own way commits them apart, so that a kill between the two
    would leave a database that can never be opened again; it also asks the name service for this host's name.
    """
    with backend.transaction():
        migration.process_steps(backend, "apply")
        backend.mark_one(migration, log=False)
