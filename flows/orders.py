"""Orders. What a rule knows of the events arrives in the environment."""

import os


def repair() -> None:
    """Repair the orders of one customer."""
    customer, failures = os.environ["CUSTOMER"], os.environ["FAILURES"]
    print(f"repairing {customer} in {os.environ['REGION']} after {failures} failures")
    for order in os.environ["ORDERS"].split():
        print(f"  {order}: placed again")
