"""Where an engine is found unless somebody says otherwise."""

from typing import Final

DEFAULT_URL: Final = "http://127.0.0.1:4280"
