"""Faults against a Kafka cluster. The broker and the auditor are those of the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
