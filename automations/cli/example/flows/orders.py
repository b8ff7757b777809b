"""Jobs: plain functions. Parameters are arguments; job variables such as env.REGION are in the environment."""

import os


def repair(customer: str = "nobody", failures: int = 0) -> None:
    print(f"repairing {failures} orders of {customer} in {os.environ['REGION']}")
    print(f"the last one was {os.environ.get('LAST_ORDER', 'unknown')}")


def greet() -> None:
    print(f"hello, {os.environ.get('CUSTOMER', 'you')}")
