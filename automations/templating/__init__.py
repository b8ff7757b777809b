"""Bounded Jinja: compile once, render to plain JSON values.

Only Jinja's parser is used. Its tree becomes closures that read objects, lists and text, never Python attributes;
every step costs fuel, so that no template and no event makes a render run long or large. What is left out is a
TemplateError that says how to write it. Undefined is strict, as Jinja's StrictUndefined: `default(...)` and
`is defined` look at the last step of a path, and every step before it must be there.
"""

from automations.templating.document import CompiledValue, TemplateErrors, compile_value
from automations.templating.template import NAMES, Template, compile_expression, compile_template, has_markup

__all__ = [
    "NAMES",
    "CompiledValue",
    "Template",
    "TemplateErrors",
    "compile_expression",
    "compile_template",
    "compile_value",
    "has_markup",
]
