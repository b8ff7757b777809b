from __future__ import annotations

import pytest

from automations.templating import TemplateErrors, compile_value

CONTEXT = {"event": {"payload": {"n": 7, "env": {"A": "1"}}}, "automation": {"name": "r"}}


def test_a_document_without_templates_is_returned_as_it_is() -> None:
    value = {"a": [1, "x"], "b": {"c": None}}
    rendered, templates = compile_value(value).render({})
    assert rendered is value
    assert templates == {}


def test_strings_are_rendered_wherever_they_stand_and_keys_never() -> None:
    value = {"a": ["{{ event.payload.n }}", "n={{ event.payload.n }}"], "{{ b }}": 1, "c": "x"}
    rendered, templates = compile_value(value).render(CONTEXT)
    assert rendered == {"a": [7, "n=7"], "{{ b }}": 1, "c": "x"}
    assert templates == {"/a/0": "{{ event.payload.n }}", "/a/1": "n={{ event.payload.n }}"}


def test_what_only_the_rule_itself_fills_is_the_authors() -> None:
    _, templates = compile_value({"a": "{{ automation.name }}"}).render(CONTEXT)
    assert templates == {}


def test_pointers_escape_their_steps() -> None:
    _, templates = compile_value({"a/b~c": "{{ event.payload.n }}"}).render(CONTEXT)
    assert list(templates) == ["/a~1b~0c"]


def test_prefects_explicit_forms_are_read() -> None:
    value = {
        "j": {"__prefect_kind": "jinja", "template": "{{ event.payload.env }}"},
        "k": {"__prefect_kind": "json", "value": '{"x": [1]}'},
        "n": {"__prefect_kind": "none", "value": "as it is"},
    }
    rendered, templates = compile_value(value).render(CONTEXT)
    assert rendered == {"j": {"A": "1"}, "k": {"x": [1]}, "n": "as it is"}
    assert templates == {"/j": "{{ event.payload.env }}"}


def test_every_bad_template_of_a_document_is_reported_with_its_place() -> None:
    with pytest.raises(TemplateErrors) as caught:
        compile_value({"a": "{{ x() }}", "b": ["{{ 1 ** 2 }}"], "c": {"__prefect_kind": "yaml"}})
    assert [pointer for pointer, _ in caught.value.errors] == ["/a", "/b/0", "/c/__prefect_kind"]
