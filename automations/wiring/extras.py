"""Libraries that come with an extra of the installation."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from automations.errors import AutomationsError


def require_kafka() -> None:
    """Call this before anything of Kafka is imported. AutomationsError `missing-extra` where it cannot be."""
    missing = [name for name in ("aiokafka", "faust") if not _installed(name)]
    if missing:
        raise AutomationsError(
            f"Kafka needs {' and '.join(missing)}, which this installation does not have",
            code="missing-extra",
            hint="pip install 'automations[kafka]'",
        )


def _installed(name: str) -> bool:
    return name in sys.modules or find_spec(name) is not None  # faust, once imported, has no spec
