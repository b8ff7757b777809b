"""sources.yaml into sources: everything, or every problem with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from automations.errors import Location, Problem, RuleFileErrors, SettingsError
from automations.ingest import BearerTokens, CompiledMapping, OpenDoor, WebhookSource
from automations.model.secret import SecretReference
from automations.rulefiles import Document, read_file, suggestion, validate
from automations.sources.document import (
    KafkaDocument,
    NamedDocument,
    PrefectDocument,
    WebhookAuthentication,
    WebhookDocument,
    is_api_address,
)
from automations.sources.kafka.subscription import KafkaSubscription
from automations.sources.plug_in import PlugInSource, plug_in_type, plug_in_types
from automations.sources.prefect import PrefectSubscription
from automations.sources.secret import read_secret
from automations.templating import TemplateErrors

_TYPES: Final = ("webhook", "prefect", "kafka")
_LATER_AUTH: Final = frozenset({"standard-webhooks", "github", "stripe", "slack"})
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """The declared sources by name: those that are posted to, and those that are fetched from."""

    webhooks: dict[str, WebhookSource] = field(default_factory=dict)
    prefect: dict[str, PrefectSubscription] = field(default_factory=dict)
    kafka: dict[str, KafkaSubscription] = field(default_factory=dict)
    plug_ins: dict[str, PlugInSource] = field(default_factory=dict)

    @property
    def holding_time(self) -> Set[str]:
        """The names of those that catch up after a downtime, and have time wait for that."""
        return self.prefect.keys() | self.kafka.keys()


@dataclass(slots=True)
class _Loading:
    folder: Path
    environ: Mapping[str, str]
    only: str | None = None
    sources: Sources = field(default_factory=Sources)
    places: dict[str, Location] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load_sources(path: Path, environ: Mapping[str, str], *, only: str | None = None) -> Sources:
    """Return the sources, or those of the type `only`; none when the file does not exist. RuleFileErrors has every
    problem of theirs.

    Secrets are resolved from `environ` and from files, relative ones beside the file of sources.
    """
    loading = _Loading(path.parent, environ, only)
    if not path.exists():
        return loading.sources
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


def _add(
    loading: _Loading, document: Document, steps: Steps, code: str, message: str, hint: str | None = None
) -> None:
    loading.problems.append(Problem(code, message, document.location(steps), hint))


def _take(loading: _Loading, document: Document, steps: Steps) -> None:
    data = document.data[steps[0]][steps[1]]
    if loading.only is not None and isinstance(data, dict) and data.get("type") != loading.only:
        return
    refused = list(_not_supported(document, steps, data))
    loading.problems += refused
    if refused:
        return
    kind = data.get("type") if isinstance(data, dict) else None
    if kind == "prefect":
        _take_prefect(loading, document, steps)
    elif kind == "kafka":
        _take_kafka(loading, document, steps)
    elif kind in plug_in_types():
        _take_plug_in(loading, document, steps, data)
    else:
        _take_webhook(loading, document, steps)


def _named(loading: _Loading, document: Document, steps: Steps, name: str) -> bool:
    """Give the name to the first that has it."""
    where = document.location((*steps, "name"))
    first = loading.places.setdefault(name, where)
    if first == where:
        return True
    message = f"the name {name!r} is taken: another source has it at {first}"
    loading.problems.append(Problem("duplicate-name", message, where))
    return False


def _not_supported(document: Document, steps: Steps, data: Any) -> Iterator[Problem]:
    """Types that are none of ours, and those that this version does not run."""
    if not isinstance(data, dict):
        return
    kind, auth, known = data.get("type"), data.get("auth"), [*_TYPES, *plug_in_types()]
    if isinstance(kind, str) and kind not in known:
        hint = suggestion(kind, known) or f"the types are {', '.join(known)}"
        where = document.location((*steps, "type"))
        yield Problem("bad-value", f"there is no source of the type {kind!r}", where, hint)
    if isinstance(auth, dict) and isinstance(auth.get("type"), str) and auth["type"] in _LATER_AUTH:
        message = f"the authentication type {auth['type']!r} is not run by this version yet"
        yield Problem("not-supported", message, document.location((*steps, "auth", "type")))


# --- webhooks ----------------------------------------------------------------------------------------------


def _take_webhook(loading: _Loading, document: Document, steps: Steps) -> None:
    webhook, problems = validate(document, WebhookDocument, steps)
    loading.problems += problems
    if webhook is not None and _named(loading, document, steps, webhook.name):
        authentication = _authentication(loading, document, steps, webhook.auth)
        mapping = _mapping(loading, document, steps, webhook)
        loading.sources.webhooks[webhook.name] = WebhookSource(webhook.name, authentication, mapping)


def _authentication(
    loading: _Loading, document: Document, steps: Steps, auth: WebhookAuthentication
) -> BearerTokens | OpenDoor:
    where = (*steps, "auth", "secret")
    found = [_secret(loading, document, where, reference) for reference in auth.secret]
    return BearerTokens([token for token in found if token]) if auth.type == "bearer" else OpenDoor()


def _secret(loading: _Loading, document: Document, steps: Steps, reference: SecretReference | None) -> str | None:
    """Resolve a secret; None where there is none, or it is not set, which is a problem."""
    if reference is None:
        return None
    try:
        return read_secret(reference, loading.folder, loading.environ)
    except SettingsError as error:
        _add(loading, document, steps, error.code, error.message, error.hint)
        return None


def _mapping(
    loading: _Loading, document: Document, steps: Steps, source: WebhookDocument | KafkaDocument
) -> CompiledMapping | None:
    if source.mapping is None:
        return None
    try:
        return CompiledMapping(source.mapping)
    except TemplateErrors as errors:
        for pointer, error in errors.errors:
            _add(loading, document, (*steps, "mapping", *_steps(pointer)), error.code, error.message, error.hint)
        return None


def _steps(pointer: str) -> Steps:
    """From a JSON pointer to the steps of a path. Digits are a list's position; a label of digits is told at its
    mapping.
    """
    written = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return tuple(int(step) if step.isdecimal() else step for step in written)


# --- of other packages ---------------------------------------------------------------------------------------


def _take_plug_in(loading: _Loading, document: Document, steps: Steps, data: Mapping[str, Any]) -> None:
    rest = {key: value for key, value in data.items() if key not in ("name", "type")}
    named, problems = validate(document.graft({"name": data.get("name")}, {(): steps}), NamedDocument)
    loading.problems += problems
    try:
        kind = plug_in_type(data["type"])
    except SettingsError as error:
        _add(loading, document, (*steps, "type"), error.code, error.message, error.hint)
        return
    if kind is None or named is None or not _named(loading, document, steps, named.name):
        return
    settings, problems = validate(document.graft(rest, {(): steps}), kind.settings)
    loading.problems += problems
    if settings is not None:
        written = orjson.dumps(rest, option=orjson.OPT_SORT_KEYS).decode()
        loading.sources.plug_ins[named.name] = PlugInSource(named.name, data["type"], written, settings, kind)


# --- Kafka -------------------------------------------------------------------------------------------------


def _take_kafka(loading: _Loading, document: Document, steps: Steps) -> None:
    source, problems = validate(document, KafkaDocument, steps)
    loading.problems += problems
    if source is None or not _named(loading, document, steps, source.name):
        return
    loading.sources.kafka[source.name] = KafkaSubscription(
        source.name,
        source.topic,
        source.start,
        source.group,
        written="" if source.mapping is None else source.mapping.model_dump_json(),
        mapping=_mapping(loading, document, steps, source),
    )


# --- Prefect -----------------------------------------------------------------------------------------------


def _take_prefect(loading: _Loading, document: Document, steps: Steps) -> None:
    source, problems = validate(document, PrefectDocument, steps)
    loading.problems += problems
    if source is None or not _named(loading, document, steps, source.name):
        return
    environ = loading.environ
    url = source.api_url or environ.get("PREFECT_API_URL", "").rstrip("/")
    key = _secret(loading, document, (*steps, "api_key"), source.api_key)
    auth = _secret(loading, document, (*steps, "auth_string"), source.auth_string)
    if source.api_url is None and source.api_key is None and source.auth_string is None:
        key, auth = environ.get("PREFECT_API_KEY") or None, environ.get("PREFECT_API_AUTH_STRING") or None
    if not is_api_address(url):
        message = f"PREFECT_API_URL is {url!r}, no address" if url else f"{source.name!r} needs 'api_url'"
        _add(loading, document, steps, "missing-key", message, "write it, or set PREFECT_API_URL")
    loading.sources.prefect[source.name] = PrefectSubscription(
        source.name, url, api_key=key, auth_string=auth, since=source.since, events=source.events
    )
