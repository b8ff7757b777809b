"""Datasets and days."""

import os


def quarantine(dataset: str, failed: list[str]) -> None:
    """Take a dataset out of reach of its readers."""
    print(f"{dataset} of {os.environ['DAY']} is in quarantine: {', '.join(failed)}; owner: {os.environ['OWNER']}")


def publish(day: str, rows: int) -> None:
    """Publish a day of which every table is loaded."""
    print(f"publishing {rows} rows of {day}; orders in {os.environ['ORDERS']}, {os.environ['LAST']} came last")
