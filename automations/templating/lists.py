"""Filters over lists and objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automations.templating.limits import Fuel, bounded
from automations.templating.values import Undefined, defined, kind, number, to_text, type_error, weight


def elements(value: Any, name: str, fuel: Fuel) -> list[Any]:
    """Return the items of a list, the keys of an object, the characters of text; each costs fuel."""
    fuel.burn(_size(value, name))
    return value if type(value) is list else list(value)


def _size(value: Any, name: str) -> int:
    if not isinstance(defined(value), list | dict | str):
        raise type_error(f"{name} works on a list, an object or text, not on {kind(value)}")
    return len(value)


def attributes(found: list[Any], path: str | int, fuel: Fuel) -> list[Any]:
    """Follow a dotted path of keys and list positions from each item, as Jinja's `attribute=` does."""
    if type(path) is not str and type(path) is not int:
        raise type_error(f"an attribute is text or a position, not {kind(path)}")
    steps = str(path).split(".")
    fuel.burn(len(found) * (len(steps) - 1))
    return [_follow(item, steps, path) for item in found]


def _follow(item: Any, steps: list[str], path: str | int) -> Any:
    for step in steps:
        if isinstance(item, dict) and step in item:
            item = item[step]
        elif isinstance(item, list) and _position(step, len(item)):
            item = item[int(step)]
        else:
            return Undefined(f"the attribute {str(path)[:64]!r}")
    return item


def _position(step: str, length: int) -> bool:
    return len(step) < 10 and step.isascii() and step.isdigit() and int(step) < length


def length(value: Any, fuel: Fuel) -> int:
    """Jinja's `length`."""
    fuel.burn()
    if not isinstance(defined(value), list | dict | str):
        raise type_error(f"{kind(value)} has no length")
    return len(value)


def first(value: Any, fuel: Fuel) -> Any:
    """Jinja's `first`; undefined when there is none."""
    fuel.burn()
    return next(iter(value)) if _size(value, "first") else Undefined("the first item of something empty")


def last(value: Any, fuel: Fuel) -> Any:
    """Jinja's `last`; undefined when there is none."""
    fuel.burn()
    return next(reversed(value)) if _size(value, "last") else Undefined("the last item of something empty")


def join(value: Any, fuel: Fuel, d: str = "", attribute: str | int | None = None) -> str:
    """Jinja's `join`."""
    parts = [to_text(item, fuel) for item in _subjects(elements(value, "join", fuel), attribute, fuel)]
    separator = to_text(d, fuel)
    fuel.text(sum(map(len, parts)) + len(separator) * max(0, len(parts) - 1))
    return separator.join(parts)


def _subjects(found: list[Any], attribute: str | int | None, fuel: Fuel) -> list[Any]:
    """The items, or what their attribute holds."""
    return found if attribute is None else [defined(one) for one in attributes(found, attribute, fuel)]


def _keys(found: list[Any], attribute: str | int | None, case_sensitive: bool, fuel: Fuel) -> list[Any]:
    """What items are compared by. Charged, for one large text may stand behind many items."""
    keys = []
    for subject in _subjects(found, attribute, fuel):
        fuel.burn(weight(subject))
        if type(subject) is str and not case_sensitive:
            fuel.text(len(subject))
            subject = subject.lower()
        keys.append(subject)
    return keys


def _by_key(choose: Callable[..., Any], found: list[Any], keys: list[Any], name: str, **options: bool) -> Any:
    """Choose among positions by the key that stands there."""
    try:
        return choose(range(len(found)), key=keys.__getitem__, **options)
    except TypeError:
        raise type_error(f"{name} cannot compare values of different types") from None


def in_order(
    value: Any,
    fuel: Fuel,
    reverse: bool = False,
    case_sensitive: bool = False,
    attribute: str | int | None = None,
) -> list[Any]:
    """Jinja's `sort`."""
    found = elements(value, "sort", fuel)
    keys = _keys(found, attribute, case_sensitive, fuel)
    return [found[position] for position in _by_key(sorted, found, keys, "sort", reverse=bool(reverse))]


def smallest(value: Any, fuel: Fuel, case_sensitive: bool = False, attribute: str | int | None = None) -> Any:
    """Jinja's `min`."""
    return _extreme(min, value, fuel, case_sensitive, attribute)


def largest(value: Any, fuel: Fuel, case_sensitive: bool = False, attribute: str | int | None = None) -> Any:
    """Jinja's `max`."""
    return _extreme(max, value, fuel, case_sensitive, attribute)


def _extreme(
    choose: Callable[..., Any], value: Any, fuel: Fuel, case_sensitive: bool, attribute: str | int | None
) -> Any:
    name = choose.__name__
    found = elements(value, name, fuel)
    if not found:
        return Undefined(f"the {name} of something empty")
    keys = _keys(found, attribute, case_sensitive, fuel)
    return found[_by_key(choose, found, keys, name)]


def total(value: Any, fuel: Fuel, attribute: str | int | None = None, start: float = 0) -> int | float:
    """Jinja's `sum`, of numbers."""
    result: int | float = number(start, "sum")
    for item in _subjects(elements(value, "sum", fuel), attribute, fuel):
        result += number(item, "sum")
    return bounded(result)


def unique(value: Any, fuel: Fuel, case_sensitive: bool = False, attribute: str | int | None = None) -> list[Any]:
    """Jinja's `unique`: the first of each. A boolean equals no number."""
    found = elements(value, "unique", fuel)
    seen: dict[Any, Any] = {}
    for key, item in zip(_keys(found, attribute, case_sensitive, fuel), found, strict=True):
        same = to_text(key, fuel) if isinstance(key, list | dict) else key
        seen.setdefault((isinstance(key, bool), isinstance(key, list | dict), same), item)
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
