"""Plain data that every other package speaks of. Pure: no clock, no input or output."""
