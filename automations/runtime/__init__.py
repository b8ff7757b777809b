"""The embedded runtime and the dispatcher."""
