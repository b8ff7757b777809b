"""`{{ $NAME }}`: the environment of the machine that deploys, filled in when the file is read. All other templates
are left: those of triggers for the firing, those of pull steps for the run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from automations.errors import Problem
from automations.rulefiles import Document

_REFERENCE: Final = re.compile(r"\{\{\s*\$([^{}]*)\}\}")
_FORM: Final = re.compile(
    r"([A-Za-z_][A-Za-z0-9_]*)\s*(?:\|\s*default\(\s*(?:'([^']*)'|\"([^\"]*)\")\s*\)\s*)?", re.ASCII
)

Path = tuple[str | int, ...]


class _Filler:
    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document, self._environ = document, environ
        self.problems: list[Problem] = []

    def fill(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return _REFERENCE.sub(lambda found: self._reference(found[1], path), value)
        if isinstance(value, list):
            return [self.fill(item, (*path, position)) for position, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self.fill(item, (*path, key)) for key, item in value.items()}
        return value

    def _reference(self, inside: str, path: Path) -> str:
        form = _FORM.fullmatch(inside.strip())
        if form is None:
            self._problem("bad-placeholder", f"'${inside.strip()}' is no reference to the environment", path,
                          "write {{ $NAME }} or {{ $NAME | default('...') }}")  # fmt: skip
            return ""
        name, single, double = form.groups()
        fallback: str | None = double if single is None else single
        value = self._environ.get(name, fallback)
        if value is None:
            self._problem("unset-variable", f"the environment variable {name} is not set", path,
                          f"set it, or write {{{{ ${name} | default('...') }}}}")  # fmt: skip
        return value or ""

    def _problem(self, code: str, message: str, path: Path, hint: str) -> None:
        self.problems.append(Problem(code, message, self._document.location(path), hint))


def fill_from_environment(document: Document, environ: Mapping[str, str]) -> tuple[Document, list[Problem]]:
    """Return the document with every reference filled, as text, and a problem for each that cannot be."""
    filler = _Filler(document, environ)
    return replace(document, data=filler.fill(document.data, ())), filler.problems
