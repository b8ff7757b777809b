"""From a commit to production."""

import os


def release(repository: str, pushed_by: str, environment: str) -> None:
    """Release the image of one commit."""
    print(f"{repository}: releasing {os.environ['IMAGE']} to {environment}, pushed by {pushed_by}")


def smoke_test() -> None:
    """Look whether the shop still answers after a release."""
    print(f"the shop answers after {os.environ['RELEASE']}")


def rollback(service: str, version: str, errors: int) -> None:
    """Take a service back to the version before."""
    print(f"{service}: back to {version} after {errors} errors")


def scale(service: str, replicas: int) -> None:
    """Give a service more processes."""
    print(f"{service}: {replicas} more")
