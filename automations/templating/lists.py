"""Filters over lists and objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automations.templating.limits import Fuel, bounded
from automations.templating.values import Undefined, defined, dump, kind, number, to_text, type_error


def elements(value: Any, name: str, fuel: Fuel) -> list[Any]:
    """Return the items of a list, the keys of an object, the characters of text; each costs fuel."""
    value = defined(value)
    if not isinstance(value, list | dict | str):
        raise type_error(f"{name} works on a list, an object or text, not on {kind(value)}")
    fuel.burn(len(value))
    return list(value)


def attribute(item: Any, path: str | int) -> Any:
    """Follow a dotted path of keys and list positions, as Jinja's `attribute=` does."""
    for key in str(path).split("."):
        if isinstance(item, dict) and key in item:
            item = item[key]
        elif isinstance(item, list) and key.isdigit() and int(key) < len(item):
            item = item[int(key)]
        else:
            return Undefined(f"the attribute {path!r}")
    return item


def length(value: Any, fuel: Fuel) -> int:
    """Jinja's `length`."""
    fuel.burn()
    if not isinstance(defined(value), list | dict | str):
        raise type_error(f"{kind(value)} has no length")
    return len(value)


def first(value: Any, fuel: Fuel) -> Any:
    """Jinja's `first`; undefined when there is none."""
    found = elements(value, "first", fuel)
    return found[0] if found else Undefined("the first item of something empty")


def last(value: Any, fuel: Fuel) -> Any:
    """Jinja's `last`; undefined when there is none."""
    found = elements(value, "last", fuel)
    return found[-1] if found else Undefined("the last item of something empty")


def join(value: Any, fuel: Fuel, d: str = "", attribute: str | None = None) -> str:
    """Jinja's `join`."""
    found = elements(value, "join", fuel)
    parts = [to_text(item if attribute is None else _at(item, attribute), fuel) for item in found]
    separator = to_text(d, fuel)
    fuel.text(sum(map(len, parts)) + len(separator) * max(0, len(parts) - 1))
    return separator.join(parts)


def _at(item: Any, path: str | int | None) -> Any:
    return item if path is None else defined(attribute(item, path))


def _key(path: str | int | None, case_sensitive: bool) -> Callable[[Any], Any]:
    def key(item: Any) -> Any:
        value = _at(item, path)
        return value.lower() if isinstance(value, str) and not case_sensitive else value

    return key


def _ordered(
    values: list[Any], path: str | int | None, case_sensitive: bool, name: str, reverse: bool
) -> list[Any]:
    try:
        return sorted(values, key=_key(path, case_sensitive), reverse=reverse)
    except TypeError:
        raise type_error(f"{name} cannot compare values of different types") from None


def in_order(
    value: Any, fuel: Fuel, reverse: bool = False, case_sensitive: bool = False, attribute: str | None = None
) -> list[Any]:
    """Jinja's `sort`."""
    return _ordered(elements(value, "sort", fuel), attribute, case_sensitive, "sort", reverse)


def smallest(value: Any, fuel: Fuel, case_sensitive: bool = False, attribute: str | None = None) -> Any:
    """Jinja's `min`."""
    found = _ordered(elements(value, "min", fuel), attribute, case_sensitive, "min", False)
    return found[0] if found else Undefined("the least item of something empty")


def largest(value: Any, fuel: Fuel, case_sensitive: bool = False, attribute: str | None = None) -> Any:
    """Jinja's `max`."""
    found = _ordered(elements(value, "max", fuel), attribute, case_sensitive, "max", True)
    return found[0] if found else Undefined("the greatest item of something empty")


def total(value: Any, fuel: Fuel, attribute: str | None = None, start: float = 0) -> int | float:
    """Jinja's `sum`, of numbers."""
    result: int | float = number(start, "sum")
    for item in elements(value, "sum", fuel):
        result += number(_at(item, attribute), "sum")
    return bounded(result) if type(result) is int else result


def unique(value: Any, fuel: Fuel, case_sensitive: bool = False, attribute: str | None = None) -> list[Any]:
    """Jinja's `unique`: the first of each."""
    key = _key(attribute, case_sensitive)
    seen: dict[str, Any] = {}
    for item in elements(value, "unique", fuel):
        seen.setdefault(dump(key(item)), item)
    return list(seen.values())


def as_list(value: Any, fuel: Fuel) -> list[Any]:
    """Jinja's `list`."""
    return elements(value, "list", fuel)


def items(value: Any, fuel: Fuel) -> list[list[Any]]:
    """Jinja's `items`: key and value pairs of an object; nothing of what is undefined."""
    if type(value) is Undefined:
        return []
    if not isinstance(value, dict):
        raise type_error(f"items works on an object, not on {kind(value)}")
    fuel.burn(len(value))
    return [[key, item] for key, item in value.items()]
