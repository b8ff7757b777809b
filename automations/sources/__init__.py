"""Where events come from: the file of sources."""
