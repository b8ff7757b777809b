"""Prefect's filter `ui_url`: the page of the flow run, deployment, ... that an event is about.

The pages' paths are those of Prefect's own UI (`prefect.utilities.urls`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from jinja2 import nodes

from automations.errors import RenderError
from automations.templating.evaluation import Compile, Evaluate, Names, refusal
from automations.templating.filter_expressions import subject
from automations.templating.limits import Fuel
from automations.templating.paths import bare_path
from automations.templating.values import defined, to_text, type_error

_PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "flow": ("flows/flow", "id"),
    "flow_run": ("runs/flow-run", "id"),
    "deployment": ("deployments/deployment", "id"),
    "work_pool": ("work-pools/work-pool", "name"),
    "work_queue": ("work-queues/work-queue", "id"),
}
"""Name in the context → where its page is, and which of its fields tells it."""
_BASE: Final = "ui_base_url"


def compile_ui_url(node: nodes.Filter, compile_node: Compile) -> Evaluate:
    """`{{ flow_run | ui_url }}`, of the names above; the base stands in the context as `ui_base_url`."""
    path = bare_path(subject(node))
    if path is None or len(path) != 1 or path[0] not in _PAGES or node.args or node.kwargs:
        raise refusal(node, f"ui_url takes one of {', '.join(_PAGES)}", "write {{ flow_run | ui_url }}")
    inner, (page, field) = compile_node(subject(node)), _PAGES[str(path[0])]

    def evaluate(names: Names, fuel: Fuel) -> Any:
        return to_text(f"{_base(names)}/{page}/{quote(_field(inner(names, fuel), field), safe='')}", fuel)

    return evaluate


def _base(names: Names) -> str:
    base = names.get(_BASE)
    if not isinstance(base, str):
        raise RenderError(f"ui_url needs the setting '{_BASE}'", code="undefined", hint=f"set '{_BASE}'")
    return base.rstrip("/")


def _field(value: Any, field: str) -> str:
    found = defined(value).get(field) if isinstance(defined(value), dict) else None
    if not isinstance(found, str) or not found:
        raise type_error(f"ui_url needs an object with {field!r}")
    return found
