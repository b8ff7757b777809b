"""Plain JSON data as the text of a YAML file that a person will edit."""

from __future__ import annotations

from typing import Any, Final

import yaml

from automations.model.document import JsonObject
from automations.rulefiles.scalars import resolve

_UNFOLDED: Final = 1 << 20


class _Writer(yaml.SafeDumper):
    """The library writes YAML 1.1, and quotes texts for that; which ones 1.2 would read otherwise is ours."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write what stands in several places in each of them."""
        del data
        return True


def _text(writer: _Writer, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None if _stays_text(text) else '"'
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _stays_text(text: str) -> bool:
    try:
        return resolve(text) == text
    except ValueError:
        return False


_Writer.add_representer(str, _text)


def yaml_text(data: JsonObject) -> str:
    """Write a document that reads back the same. Keys keep their order; text of several lines is a block."""
    written: str = yaml.dump(
        data, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=_UNFOLDED, default_flow_style=False
    )
    return written
