"""Sources of the type prefect, as the file declares them and the environment completes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from automations.errors import RuleFileErrors
from automations.model.moment import SECOND
from automations.sources import load_sources
from automations.sources.prefect import PrefectSubscription

URL = "http://127.0.0.1:4200/api"


def load(folder: Path, fields: str, **environ: str) -> PrefectSubscription:
    file = folder / "sources.yaml"
    file.write_text(f"sources:\n  - {{name: p, type: prefect{fields}}}\n")
    loaded = load_sources(file, environ)
    assert loaded.webhooks == {}
    return loaded.prefect["p"]


def test_all_that_can_be_declared_is_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k\n")
    found = load(tmp_path, f", api_url: '{URL}/', api_key: {{file: key}}, since: 1h, events: [a.*, '!a.b']")
    assert found == PrefectSubscription("p", URL, api_key="k", since=3600 * SECOND, events=("a.*", "!a.b"))
    assert [name for name in ("a.a", "a.b", "b") if found.wants()(name)] == ["a.a"]


def test_without_an_address_the_environment_of_prefects_own_tools_serves(tmp_path: Path) -> None:
    found = load(tmp_path, "", PREFECT_API_URL=f"{URL}/", PREFECT_API_KEY="k", PREFECT_API_AUTH_STRING="")
    assert (found.api_url, found.api_key, found.auth_string) == (URL, "k", None)


def test_the_environments_key_is_not_sent_to_a_server_that_the_file_names(tmp_path: Path) -> None:
    found = load(tmp_path, f", api_url: '{URL}'", PREFECT_API_URL="https://x.example/api", PREFECT_API_KEY="k")
    assert (found.api_url, found.token, found.headers) == (URL, None, {})


def test_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    found = load(tmp_path, f", api_url: '{URL}', auth_string: {{env: A}}", A="admin:pw")
    assert (found.token, found.headers) == ("admin:pw", {"Authorization": "Basic YWRtaW46cHc="})
    assert "pw" not in repr(found)


@pytest.mark.parametrize(
    ("events", "asked"),
    [
        ((), None),
        (("a.b",), ["a.b"]),
        (("b*", "a.*.c", "a.b", "!a.d"), ["a.", "a.b", "b"]),
        (("*.c", "a.b"), None),
        (("!a",), None),
    ],
)
def test_the_server_is_asked_for_no_less_than_is_wanted(events: tuple[str, ...], asked: list[str] | None) -> None:
    found = PrefectSubscription("p", URL, events=events)
    assert found.name_filter == (None if asked is None else {"prefix": asked})


@pytest.mark.parametrize(
    ("fields", "environ", "wanted"),
    [
        ("", {}, ["2:5 missing-key"]),
        ("", {"PREFECT_API_URL": "here"}, ["2:5 missing-key"]),
        (", api_url: here", {}, ["2:39 bad-url"]),
        (", api_url: 'http://['", {}, ["2:39 bad-url"]),
        (f", api_url: '{URL}', api_key: {{env: A}}", {}, ["2:77 missing-secret"]),
        (f", api_url: '{URL}', api_key: {{env: A}}, auth_string: {{env: A}}", {"A": "a"}, ["2:5 two-secrets"]),
        (f", api_url: '{URL}', api_key: k", {}, ["2:77 wrong-type"]),
        (f", api_url: '{URL}', since: soon", {}, ["2:75 bad-duration"]),
        (f", api_url: '{URL}', events: ['']", {}, ["2:77 bad-event-name"]),
        (f", api_url: '{URL}', event: a", {}, ["2:68 unknown-key"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, fields: str, environ: dict[str, str], wanted: list[str]
) -> None:
    with pytest.raises(RuleFileErrors) as caught:
        load(tmp_path, fields, **environ)
    problems = caught.value.problems
    assert [f"{p.location.line}:{p.location.column} {p.code}" for p in problems] == wanted


def test_a_name_is_taken_once_whatever_the_types(tmp_path: Path) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text(
        f"sources:\n  - {{name: p, type: webhook, auth: {{type: none}}}}\n"
        f"  - {{name: p, type: prefect, api_url: '{URL}'}}\n"
    )
    with pytest.raises(RuleFileErrors) as caught:
        load_sources(file, {})
    assert [problem.code for problem in caught.value.problems] == ["duplicate-name"]
