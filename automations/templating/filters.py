"""The filters: Jinja's by their own names and meanings, each bounded in growth, and a few of ours.

A filter takes (value, fuel, arguments...). It charges what it makes before it makes it. Arguments of the wrong
type may raise what Python raises (`MISUSE`); whoever applies the filter makes a RenderError of that.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, quote_plus

import orjson

from automations.templating import dates, lists
from automations.templating.limits import Fuel, bounded
from automations.templating.patterns import regex_match, regex_replace
from automations.templating.values import Undefined, defined, dump, kind, number, to_text, type_error

Filter = Callable[..., Any]

MISUSE: Final = (TypeError, ValueError, AttributeError, ArithmeticError, LookupError)
_WORD: Final = re.compile(r"[^-\s({\[<]+")
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+")
_PLACES: Final = 18
_DIGITS: Final = 64


def text(value: Any, name: str, fuel: Fuel) -> str:
    """Return the text that a filter works on; numbers and booleans are written as JSON writes them first."""
    if isinstance(defined(value), list | dict):
        raise type_error(f"{name} works on text, not on {kind(value)}")
    return to_text(value, fuel)


def default(value: Any, fuel: Fuel, default_value: Any = "", boolean: bool = False) -> Any:
    """Jinja's `default`: for what is undefined, and with `boolean` for what is empty or false, too. What it falls
    back on may be undefined itself, so that one `default` can follow another.
    """
    fuel.burn()
    return default_value if type(value) is Undefined or (boolean and not value) else value


def truncate(
    value: Any, fuel: Fuel, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5
) -> str:
    """Jinja's `truncate`."""
    whole = defined(value)
    if type(whole) is not str:
        raise type_error(f"truncate works on text, not on {kind(whole)}")
    fuel.text(len(end))
    if length < len(end) or leeway < 0:
        raise type_error("truncate needs a length that leaves room for its end")
    if len(whole) <= length + leeway:
        return to_text(whole, fuel)
    cut = whole[: length - len(end)]
    return to_text((cut if killwords else cut.rsplit(" ", 1)[0]) + end, fuel)


def replace(value: Any, fuel: Fuel, old: str, new: str, count: int = -1) -> str:
    """Jinja's `replace`; the result is measured before it is made."""
    whole, old, new = text(value, "replace", fuel), text(old, "replace", fuel), text(new, "replace", fuel)
    found = whole.count(old) if count < 0 else min(count, whole.count(old))
    fuel.text(len(whole) + found * (len(new) - len(old)))
    return whole.replace(old, new, found)


def title(value: Any, fuel: Fuel) -> str:
    """Jinja's `title`: a capital after white space, `-` and opening brackets."""
    return _WORD.sub(lambda word: word[0][0].upper() + word[0][1:].lower(), text(value, "title", fuel))


def trim(value: Any, fuel: Fuel, chars: str | None = None) -> str:
    """Jinja's `trim`."""
    return text(value, "trim", fuel).strip(chars)


def integer(value: Any, fuel: Fuel, default: Any = 0, base: int = 10) -> Any:
    """Jinja's `int`: what is no number becomes the default."""
    fuel.burn()
    try:
        return bounded(int(_short(value), base) if isinstance(value, str) else int(defined(value)))
    except (TypeError, ValueError, OverflowError):
        return _whole(value, default)


def _whole(value: Any, default: Any) -> Any:
    try:
        return bounded(int(float(_short(value))))
    except (TypeError, ValueError, OverflowError):
        return default


def _short(value: Any) -> Any:
    """Numbers are short; reading the digits of a long text takes more than linear time."""
    if isinstance(value, str) and len(value) > _DIGITS:
        raise ValueError("the text is too long for a number")
    return value


def floating(value: Any, fuel: Fuel, default: Any = 0.0) -> Any:
    """Jinja's `float`; infinity and NaN are no numbers here, as in JSON."""
    fuel.burn()
    try:
        found = float(_short(defined(value)))
    except (TypeError, ValueError, OverflowError):
        return default
    return found if math.isfinite(found) else default


def absolute(value: Any, fuel: Fuel) -> int | float:
    """Jinja's `abs`."""
    fuel.burn()
    return bounded(abs(number(value, "abs")))


def rounded(value: Any, fuel: Fuel, precision: int = 0, method: str = "common") -> int | float:
    """Jinja's `round`: `common`, `ceil` or `floor`; a float stays one, and `| int` makes it whole."""
    fuel.burn()
    if type(precision) is not int or not -_PLACES <= precision <= _PLACES:
        raise type_error(f"round takes a whole number of places, at most {_PLACES}")
    amount = number(value, "round")
    if method == "common":
        return bounded(round(amount, precision))
    if method not in ("ceil", "floor"):
        raise type_error("round knows the methods 'common', 'ceil' and 'floor'")
    scale = 10.0**precision
    return bounded((math.ceil if method == "ceil" else math.floor)(amount * scale) / scale)


def tojson(value: Any, fuel: Fuel, indent: int | None = None) -> str:
    """Compact JSON, or indented by 2."""
    if indent not in (None, 2):
        raise type_error("tojson indents by 2 or not at all")
    whole = dump(defined(value))
    if indent:
        whole = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return to_text(whole, fuel)


def urlencode(value: Any, fuel: Fuel) -> str:
    """Jinja's `urlencode`: text as a path, an object as a query."""
    if isinstance(defined(value), dict):
        pairs = ((text(k, "urlencode", fuel), text(v, "urlencode", fuel)) for k, v in value.items())
        return to_text("&".join(f"{quote_plus(k)}={quote_plus(v)}" for k, v in pairs), fuel)
    return to_text(quote(text(value, "urlencode", fuel), safe="/"), fuel)


def slug(value: Any, fuel: Fuel) -> str:
    """Ours: lower-case ASCII letters, digits and single dashes; accents fall off (`Größe 7` → `grosse-7`)."""
    plain = unicodedata.normalize("NFKD", text(value, "slug", fuel).casefold()).encode("ascii", "ignore").decode()
    return _NOT_SLUG.sub("-", plain).strip("-")


def digest(value: Any, fuel: Fuel) -> str:
    """Ours: SHA-256 of the text's UTF-8 bytes, in hex."""
    return sha256(text(value, "sha256", fuel).encode("utf-8", "surrogatepass")).hexdigest()


def ordinal(value: Any, fuel: Fuel) -> str:
    """Prefect's: 1 → `1st`."""
    count = number(value, "ordinal")
    if type(count) is not int:
        raise type_error("ordinal works on whole numbers")
    teens = abs(count) % 100 in (11, 12, 13)
    return to_text(f"{count}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(abs(count) % 10, 'th')}", fuel)


FILTERS: Final[Mapping[str, Filter]] = {
    "default": default,
    "d": default,
    "lower": lambda value, fuel: text(value, "lower", fuel).lower(),
    "upper": lambda value, fuel: text(value, "upper", fuel).upper(),
    "capitalize": lambda value, fuel: text(value, "capitalize", fuel).capitalize(),
    "title": title,
    "trim": trim,
    "replace": replace,
    "truncate": truncate,
    "int": integer,
    "float": floating,
    "string": to_text,
    "abs": absolute,
    "round": rounded,
    "tojson": tojson,
    "urlencode": urlencode,
    "length": lists.length,
    "count": lists.length,
    "first": lists.first,
    "last": lists.last,
    "join": lists.join,
    "min": lists.smallest,
    "max": lists.largest,
    "sum": lists.total,
    "sort": lists.in_order,
    "unique": lists.unique,
    "list": lists.as_list,
    "items": lists.items,
    "regex_match": regex_match,
    "regex_replace": regex_replace,
    "sha256": digest,
    "slug": slug,
    "datetime": dates.moment,
    "ordinal": ordinal,
}
