"""Rule files: YAML with positions, located errors, the loader."""
