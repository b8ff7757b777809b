from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from automations.errors import Refused, RuleFileErrors
from automations.ingest import WebhookSource
from automations.sources import Sources, load_sources

GITHUB = """\
sources:
  - name: github
    type: webhook
    auth: {type: bearer, secret: {env: GITHUB_HOOK_TOKEN}}
    mapping:
      event: "github.{{ headers['x-github-event'] }}"
      id: "{{ headers['x-github-delivery'] }}"
      resource: {id: "repo.{{ body.repository.full_name }}"}
      related: [{id: "user.{{ body.sender.login }}", role: actor}]
"""


def load_all(folder: Path, text: str, **environ: str) -> Sources:
    file = folder / "sources.yaml"
    file.write_text(text)
    return load_sources(file, environ)


def load(folder: Path, text: str, **environ: str) -> dict[str, WebhookSource]:
    return load_all(folder, text, **environ).webhooks


def problems(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(RuleFileErrors) as caught:
        load(folder, text, **environ)
    return [
        f"{problem.location.line}:{problem.location.column} {problem.code}" for problem in caught.value.problems
    ]


def lets_in(source: WebhookSource, token: str) -> bool:
    try:
        source.authentication.check({"authorization": f"Bearer {token}"})
    except Refused:
        return False
    return True


def test_a_missing_file_declares_nothing(tmp_path: Path) -> None:
    assert load_sources(tmp_path / "sources.yaml", {}) == Sources()


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "sources: []\n", "sources:\n"])
def test_an_empty_file_declares_nothing(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == {}


def test_a_webhook_is_loaded_with_its_secret_and_mapping(tmp_path: Path) -> None:
    found = load(tmp_path, GITHUB, GITHUB_HOOK_TOKEN="s3cret")
    assert list(found) == ["github"]
    assert found["github"].mapping is not None
    assert [lets_in(found["github"], token) for token in ("s3cret", "other")] == [True, False]


def test_secrets_come_from_files_beside_it_and_in_lists(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    text = """\
sources:
  - {name: a, type: webhook, auth: {type: bearer, secret: [{file: token}, {env: OLD}]}}
  - {name: b, type: webhook, auth: {type: none}}
"""
    found = load(tmp_path, text, OLD="from-env")
    assert [lets_in(found["a"], token) for token in ("from-file", "from-env", "from-file\n", "")] == [
        True,
        True,
        True,
        False,
    ]
    assert lets_in(found["b"], "")
    assert found["a"].mapping is None


def test_no_secret_is_in_the_representation(tmp_path: Path) -> None:
    assert "s3cret" not in repr(load(tmp_path, GITHUB, GITHUB_HOOK_TOKEN="s3cret"))


def source(fields: str) -> str:
    return f"sources:\n  - {{name: a, {fields}}}\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (GITHUB, ["4:34 missing-secret"]),
        ("- a\n", ["1:1 wrong-type"]),
        ("source: []\n", ["1:1 unknown-key"]),
        ("sources: {}\n", ["1:10 wrong-type"]),
        ("sources: 7\n", ["1:10 wrong-type"]),
        ("sources: [7]\n", ["1:11 wrong-type"]),
        (source("type: kafka"), ["2:5 missing-key"]),
        (source("type: kafka, topic: a b"), ["2:35 bad-value"]),
        (source("type: kafka, topic: t, start: soon"), ["2:45 bad-value"]),
        (source('type: kafka, topic: t, mapping: {event: "{{ x() }}", resource: {id: r}}'), ["2:55 bad-template"]),
        (source("type: webhook, auth: {type: github, secret: {env: A}}"), ["2:43 not-supported"]),
        (source("type: carrier-pigeon, auth: {type: none}"), ["2:21 bad-value"]),
        (source("type: webhook"), ["2:5 missing-key"]),
        (source("type: webhook, auth: {type: bearer}"), ["2:36 missing-key"]),
        (source("type: webhook, auth: {type: none, secret: {env: A}}"), ["2:36 bad-value"]),
        (source("type: webhook, auth: {type: bearer, secret: plain}"), ["2:59 wrong-type"]),
        (source("type: webhook, auth: {type: bearer, secret: {}}"), ["2:59 bad-secret"]),
        (source("type: webhook, auth: {type: bearer, secret: {env: A, file: b}}"), ["2:59 bad-secret"]),
        (source("type: webhook, auth: {type: bearer, secret: {file: nowhere}}"), ["2:59 missing-secret"]),
        (source("type: webhook, auth: {type: none}, mappings: {}"), ["2:50 unknown-key"]),
        (source("type: webhook, auth: {type: none}, mapping: {event: e}"), ["2:59 missing-key"]),
        (source('type: webhook, auth: {type: none}, mapping: {event: "{{ x() }}", resource: {id: r}}'),
         ["2:67 bad-template"]),
        (source('type: webhook, auth: {type: none}, mapping: {event: "{{ event }}", resource: {id: r}}'),
         ["2:67 unknown-name"]),
        (source('type: webhook, auth: {type: none}, mapping: {event: e, resource: {id: "{{"}}'),
         ["2:85 bad-template"]),
        ("sources: [{name: api, type: webhook, auth: {type: none}}]\n", ["1:18 bad-name"]),
        ("sources: [{name: 'a/b', type: webhook, auth: {type: none}}]\n", ["1:18 bad-name"]),
        ("sources: [{name: a, type: webhook, auth: {type: none}}, {name: a, type: webhook, auth: {type: none}}]\n",
         ["1:64 duplicate-name"]),
        ("sources: [\n", ["2:1 yaml-syntax"]),
        ("sources: !x []\n", ["1:10 yaml-tag"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, wanted: list[str]) -> None:
    assert problems(tmp_path, text) == wanted


def test_all_problems_come_at_once_in_order_of_place(tmp_path: Path) -> None:
    text = """\
sources:
  - {name: a, type: webhook, auth: {type: bearer, secret: {env: MISSING}}, mapping: {event: "{{"}}
  - {name: b, type: webhook, auth: {type: slack}}
  - {name: c, type: webhook, auth: {type: none}, extra: 1}
"""
    assert [found.split()[1] for found in problems(tmp_path, text)] == [
        "missing-key",
        "not-supported",
        "unknown-key",
    ]


def _sparse(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(1 << 40)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_sparse, "too-large"),
        (lambda file: file.symlink_to("/dev/zero"), "no-file"),
        (os.mkfifo, "no-file"),
        (Path.mkdir, "no-file"),
    ],
    ids=["a terabyte", "an endless device", "a pipe", "a folder"],
)
def test_what_cannot_be_a_file_of_sources_is_refused_unread(
    tmp_path: Path, make: Callable[[Path], None], code: str
) -> None:
    make(file := tmp_path / "sources.yaml")
    with pytest.raises(RuleFileErrors) as caught:
        load_sources(file, {})
    (problem,) = caught.value.problems
    assert (problem.code, problem.location.file) == (code, str(file))


@pytest.mark.parametrize(
    "make",
    [_sparse, lambda file: file.symlink_to("/dev/zero"), os.mkfifo],
    ids=["a terabyte", "an endless device", "a pipe"],
)
def test_what_cannot_be_a_secret_is_refused_unread(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "token")
    text = GITHUB.replace("{env: GITHUB_HOOK_TOKEN}", "{file: token}")
    assert problems(tmp_path, text) == ["4:34 missing-secret"]
