"""Where events come from: the file of sources."""

from automations.sources.load import Sources, load_sources

__all__ = ["Sources", "load_sources"]
