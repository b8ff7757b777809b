"""sources.yaml into webhook sources: everything, or every problem with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from automations.errors import Location, Problem, RuleFileErrors, SettingsError
from automations.ingest import BearerTokens, CompiledMapping, OpenDoor, WebhookSource
from automations.rulefiles import Document, read_file, suggestion, validate
from automations.sources.document import WebhookAuthentication, WebhookDocument
from automations.sources.secret import read_secret
from automations.templating import TemplateErrors

_LATER_TYPES: Final = frozenset({"kafka", "prefect"})
_LATER_AUTH: Final = frozenset({"standard-webhooks", "github", "stripe", "slack"})
Steps = tuple[str | int, ...]


@dataclass(slots=True)
class _Loading:
    folder: Path
    environ: Mapping[str, str]
    sources: dict[str, WebhookSource] = field(default_factory=dict)
    places: dict[str, Location] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load_sources(path: Path, environ: Mapping[str, str]) -> Mapping[str, WebhookSource]:
    """Return the sources by name; none when the file does not exist. RuleFileErrors has every problem.

    Secrets are resolved from `environ` and from files, relative ones beside the file of sources.
    """
    if not path.exists():
        return {}
    loading = _Loading(path.parent, environ)
    documents, loading.problems = read_file(path)
    for document in documents:
        for steps in _listed(loading, document):
            _take(loading, document, steps)
    if loading.problems:
        raise RuleFileErrors(sorted(loading.problems, key=lambda problem: (problem.location, problem.code)))
    return loading.sources


def _listed(loading: _Loading, document: Document) -> Iterator[Steps]:
    """The form of the file: `{sources: [...]}`."""
    data = document.data
    if not isinstance(data, dict):
        _add(loading, document, (), "wrong-type", "the file is a mapping with 'sources'")
        return
    for key in data:
        if key != "sources":
            location = document.location((key,), key=True)
            hint = suggestion(key, ["sources"]) or "the only key is 'sources'"
            loading.problems.append(Problem("unknown-key", f"{key!r} is not a key of this file", location, hint))
    listed = data.get("sources")
    if listed is None:
        return
    if not isinstance(listed, list):
        _add(loading, document, ("sources",), "wrong-type", "'sources' is a list")
        return
    yield from (("sources", position) for position in range(len(listed)))


def _add(loading: _Loading, document: Document, steps: Steps, code: str, message: str) -> None:
    loading.problems.append(Problem(code, message, document.location(steps)))


def _take(loading: _Loading, document: Document, steps: Steps) -> None:
    later = list(_not_supported(document, steps, document.data[steps[0]][steps[1]]))
    if later:
        loading.problems += later
        return
    source, problems = validate(document, WebhookDocument, steps)
    loading.problems += problems
    if source is None:
        return
    where = document.location((*steps, "name"))
    first = loading.places.setdefault(source.name, where)
    if first != where:
        message = f"the name {source.name!r} is taken: another source has it at {first}"
        loading.problems.append(Problem("duplicate-name", message, where))
        return
    authentication = _authentication(loading, document, steps, source.auth)
    mapping = _mapping(loading, document, steps, source)
    loading.sources[source.name] = WebhookSource(source.name, authentication, mapping)


def _not_supported(document: Document, steps: Steps, data: Any) -> Iterator[Problem]:
    if not isinstance(data, dict):
        return
    auth = data.get("auth")
    found: list[tuple[Steps, str, Any, frozenset[str]]] = [(("type",), "source", data.get("type"), _LATER_TYPES)]
    if isinstance(auth, dict):
        found.append((("auth", "type"), "authentication", auth.get("type"), _LATER_AUTH))
    for path, noun, kind, later in found:
        if isinstance(kind, str) and kind in later:
            message = f"the {noun} type {kind!r} is not run by this version yet"
            yield Problem("not-supported", message, document.location((*steps, *path)))


def _authentication(
    loading: _Loading, document: Document, steps: Steps, auth: WebhookAuthentication
) -> BearerTokens | OpenDoor:
    tokens = []
    for reference in auth.secret:
        try:
            tokens.append(read_secret(reference, loading.folder, loading.environ))
        except SettingsError as error:
            where = document.location((*steps, "auth", "secret"))
            loading.problems.append(Problem(error.code, error.message, where, error.hint))
    return BearerTokens(tokens) if auth.type == "bearer" else OpenDoor()


def _mapping(
    loading: _Loading, document: Document, steps: Steps, source: WebhookDocument
) -> CompiledMapping | None:
    if source.mapping is None:
        return None
    try:
        return CompiledMapping(source.mapping)
    except TemplateErrors as errors:
        for pointer, error in errors.errors:
            where = document.location((*steps, "mapping", *_steps(pointer)))
            loading.problems.append(Problem(error.code, error.message, where, error.hint))
        return None


def _steps(pointer: str) -> Steps:
    """From a JSON pointer to the steps of a path. Digits are a list's position; a label of digits is told at its
    mapping.
    """
    written = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return tuple(int(step) if step.isdecimal() else step for step in written)
