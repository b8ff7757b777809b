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
        "t": {"__prefect_kind": "jinja", "template": "plain"},
        "k": {"__prefect_kind": "json", "value": '{"x": ["{{ 1 }}"]}'},
        "n": {"__prefect_kind": "none", "value": "as it {{ is }}"},
        "o": {"__prefect_kind": None, "value": 1},
    }
    rendered, templates = compile_value(value).render(CONTEXT)
    assert rendered == {"j": {"A": "1"}, "t": "plain", "k": {"x": ["{{ 1 }}"]}, "n": "as it {{ is }}", "o": 1}
    assert templates == {"/j": "{{ event.payload.env }}"}


def test_forms_inside_of_a_passed_through_value_are_read() -> None:
    inner = [{"__prefect_kind": "jinja", "template": "{{ event.payload.n }}"}, "{{ n }}"]
    rendered, templates = compile_value({"a": {"__prefect_kind": "none", "value": inner}}).render(CONTEXT)
    assert rendered == {"a": [7, "{{ n }}"]}
    assert templates == {"/a/0": "{{ event.payload.n }}"}


def test_a_text_document_holds_text_only() -> None:
    value = {
        "a": " {{ event.payload.n }} ",
        "b": {"__prefect_kind": "jinja", "template": "{{ event.payload.env }}"},
    }
    rendered, _ = compile_value(value, text=True).render(CONTEXT)
    assert rendered == {"a": "7", "b": '{"A":"1"}'}


def test_a_lone_document_is_marked_at_its_root() -> None:
    assert compile_value("{{ event.payload.env }}").render(CONTEXT) == (
        {"A": "1"},
        {"": "{{ event.payload.env }}"},
    )


def test_a_name_that_a_loop_only_borrows_is_still_the_events() -> None:
    source = "{% for event in [1] %}{% endfor %}{{ event.payload.n }}"
    compiled = compile_value({"a": source})
    assert compiled.names == {"event"}
    assert compiled.render(CONTEXT) == ({"a": "7"}, {"/a": source})


def test_a_document_knows_all_names_that_its_templates_read() -> None:
    compiled = compile_value({"a": "{{ event.id }}", "b": ["{{ labels.x }}", "{{ automation.name }}"], "c": 1})
    assert compiled.names == {"event", "labels", "automation"}


def test_the_document_itself_is_never_changed() -> None:
    value = {"a": ["{{ event.payload.n }}"], "b": {"c": "{{ count }}"}}
    compile_value(value).render({**CONTEXT, "count": 1})
    assert value == {"a": ["{{ event.payload.n }}"], "b": {"c": "{{ count }}"}}


@pytest.mark.parametrize(
    ("form", "code", "pointer"),
    [
        ({"__prefect_kind": "yaml"}, "bad-prefect-kind", "/a/__prefect_kind"),
        ({"__prefect_kind": ["jinja"]}, "bad-prefect-kind", "/a/__prefect_kind"),
        ({"__prefect_kind": "jinja"}, "bad-prefect-kind", "/a/__prefect_kind"),
        ({"__prefect_kind": "json", "value": {}}, "bad-prefect-kind", "/a/__prefect_kind"),
        ({"__prefect_kind": "none"}, "bad-prefect-kind", "/a/__prefect_kind"),
        ({"__prefect_kind": "json", "value": "{"}, "bad-json", "/a/value"),
        ({"__prefect_kind": "jinja", "template": "{{ x() }}"}, "bad-template", "/a/template"),
    ],
)
def test_a_form_that_cannot_be_read_is_an_error(form: object, code: str, pointer: str) -> None:
    with pytest.raises(TemplateErrors) as caught:
        compile_value({"a": form})
    assert [(at, error.code) for at, error in caught.value.errors] == [(pointer, code)]
    assert pointer in caught.value.message


def test_every_bad_template_of_a_document_is_reported_with_its_place() -> None:
    with pytest.raises(TemplateErrors) as caught:
        compile_value({"a": "{{ x() }}", "b": ["{{ 1 ** 2 }}"], "c": {"__prefect_kind": "yaml"}})
    assert [pointer for pointer, _ in caught.value.errors] == ["/a", "/b/0", "/c/__prefect_kind"]
