"""Objects of the server by their names: unknown ones with a suggestion, several of one name as an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rapidfuzz import process

from automations.errors import PrepareError
from automations.model.action import ActionRequest
from automations.model.document import JsonObject
from automations.sinks.prefect.client import PrefectApi, path


def prefect_id(text: str, kind: str) -> str:
    """Return an id as Prefect writes it; PrepareError `not-found` for what is none. Ids come from events, too."""
    try:
        return str(UUID(text))
    except ValueError:
        raise PrepareError(f"{text[:64]!r} is no id of a {kind}", code="not-found") from None


def prefect_object(request: ActionRequest) -> str:
    """Return the id of the object that the event is about; PrepareError where that is not on a Prefect server."""
    about = request.body["inferred"]
    if about["system"] != "prefect":
        raise PrepareError(
            f"{about['name']!r} is this engine's own and not a Prefect server's",
            hint="send the action to the engine's own sink",
        )
    return str(about["id"])


def not_found(kind: str, name: str, known: Iterable[str] = ()) -> PrepareError:
    """The error for a name that the server does not know."""
    near = process.extractOne(name, list(known), score_cutoff=60)
    hint = f"did you mean {near[0]!r}?" if near else f"create it, or correct the name of the {kind}"
    return PrepareError(f"Prefect has no {kind} {name!r}", code="not-found", hint=hint)


def ambiguous(kind: str, name: str, mend: str) -> PrepareError:
    """The error for a name that several objects have."""
    return PrepareError(f"Prefect has several {kind}s named {name!r}", code="ambiguous", hint=mend)


async def listed(api: PrefectApi, collection: str, **filters: Any) -> list[JsonObject]:
    """Return the first objects of a collection that pass the filters; PrepareError where the server refuses."""
    answer = await api.call("POST", path(collection, "filter"), filters)
    if not answer.accepted:
        raise PrepareError(answer.reason)
    objects: list[JsonObject] = answer.body
    return objects


async def read(api: PrefectApi, *steps: str) -> JsonObject | None:
    """Return one object, None where there is none; PrepareError where the server refuses."""
    answer = await api.call("GET", path(*steps))
    if answer.status == 404:
        return None
    if not answer.accepted:
        raise PrepareError(answer.reason)
    found: JsonObject = answer.body
    return found


async def only(api: PrefectApi, kind: str, name: str) -> JsonObject:
    """Return the one object of a kind (`work queue`) with a name."""
    collection = f"{kind.replace(' ', '_')}s"
    found = await listed(api, collection, **{collection: {"name": {"any_": [name]}}})
    if len(found) > 1:
        raise ambiguous(kind, name, "name it by its id")
    if not found:
        raise not_found(kind, name, [known["name"] for known in await listed(api, collection)])
    return found[0]
