"""Where events come from: the file of sources."""

from automations.sources.load import load_sources

__all__ = ["load_sources"]
