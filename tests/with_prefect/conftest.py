from __future__ import annotations

from collections.abc import Iterator

import pytest
from with_prefect.server import BIN, PrefectServer


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """One server for all tests: each takes names of its own."""
    if not (BIN / "prefect").exists():
        pytest.fail("the environment of the Prefect server is missing: make .venv-prefect/.ready", pytrace=False)
    server = PrefectServer(tmp_path_factory.mktemp("prefect"))
    server.start()
    yield server
    server.stop()
