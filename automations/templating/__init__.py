"""Bounded Jinja: compile once, render to plain JSON values."""
