"""Bounded Jinja: compile once, render to plain JSON values."""

from automations.templating.document import CompiledValue, TemplateErrors, compile_value
from automations.templating.template import NAMES, Template, compile_template

__all__ = ["NAMES", "CompiledValue", "Template", "TemplateErrors", "compile_template", "compile_value"]
