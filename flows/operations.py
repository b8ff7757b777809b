"""What people on call are told."""

import os


def notify() -> None:
    """Tell a channel what has failed and why."""
    print(f"{os.environ['CHANNEL']}: {os.environ['SUBJECT']}: {os.environ['REASON']}")
