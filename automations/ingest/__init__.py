"""The door: bytes and headers to events. Pure."""
