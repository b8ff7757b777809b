"""Files that land in the lake."""

import json
import os


def import_file(table: str) -> None:
    """Import one file; an empty one is an error."""
    file, rows = os.environ["FILE"], int(os.environ["ROWS"])
    if rows == 0:
        raise ValueError(f"{file} is empty")
    columns = ", ".join(json.loads(os.environ["COLUMNS"]))
    print(f"{rows} rows of {file} into {table} ({columns}), split at {os.environ['DELIMITER']!r}")
