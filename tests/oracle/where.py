"""`where` for the few forms that the oracle reads: `event.payload.<path> <operator> <JSON literal>`."""

import json
import operator
import re
from typing import Any

from oracle.groups import MISSING, payload_value
from oracle.patterns import is_number

COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FORM = re.compile(r"(?:\{\{\s*)?event\.(payload\.[\w.]+)\s*(==|!=|<=|>=|<|>)\s*(.+?)(?:\s*\}\})?")


def holds(expression: str, payload: dict[str, Any]) -> bool:
    """Whether the comparison holds; an undefined name or a wrong type is no match. ValueError for other forms."""
    found = FORM.fullmatch(expression.strip())
    if not found:
        raise ValueError(f"the oracle does not read this expression: {expression}")
    path, symbol, literal = found.groups()
    value, bound = payload_value(path, payload), json.loads(literal)
    if value is MISSING:
        return False
    if symbol not in {"==", "!="} and not comparable(value, bound):
        return False
    return bool(COMPARE[symbol](value, bound))


def comparable(value: Any, bound: Any) -> bool:
    return (is_number(value) and is_number(bound)) or (isinstance(value, str) and isinstance(bound, str))
