"""How fast workers are, beside peers on the same broker. The broker is that of the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
