"""Pull steps: how a run gets its code, in the form of Prefect's `pull` section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from automations.errors import Problem
from automations.model.document import Document as Model
from automations.model.document import JsonObject
from automations.model.secret import SecretReference
from automations.rulefiles import Document, suggestion, validate

Steps = tuple[str | int, ...]

_PREFIX: Final = "prefect.deployments.steps."
_OUTPUT: Final = re.compile(r"\{\{\s*([\w-]+)\.([\w-]+)\s*\}\}")
Text = Annotated[str, Field(min_length=1)]


class _Step(Model):
    """`id`: under which later steps read what this one gives. `requires` is for Prefect alone: a package."""

    id: str | None = None
    requires: str | list[str] | None = None


class GitClone(_Step):
    """Clone a repository; gives `directory`."""

    noun: ClassVar[str] = "git_clone step"
    gives: ClassVar[tuple[str, ...]] = ("directory",)

    repository: Text
    branch: str | None = None
    commit_sha: str | None = None
    include_submodules: bool = False
    access_token: SecretReference | Text | None = None


class SetWorkingDirectory(_Step):
    """Go on in a directory; gives `directory`."""

    noun: ClassVar[str] = "set_working_directory step"
    gives: ClassVar[tuple[str, ...]] = ("directory",)

    directory: Text


class RunShellScript(_Step):
    """Run the lines of a script, one after another; gives `stdout` and `stderr`."""

    noun: ClassVar[str] = "run_shell_script step"
    gives: ClassVar[tuple[str, ...]] = ("stdout", "stderr")

    script: Text
    directory: str | None = None
    env: dict[str, str] = Field(default_factory=dict)
    stream_output: bool = True
    expand_env_vars: bool = False


_STEPS: Final[dict[str, type[GitClone | SetWorkingDirectory | RunShellScript]]] = {
    "git_clone": GitClone,
    "set_working_directory": SetWorkingDirectory,
    "run_shell_script": RunShellScript,
}


def read_pull(document: Document, path: Steps) -> tuple[tuple[JsonObject, ...], list[Problem]]:
    """Return the steps as `{"step": name, ...inputs}`, or every problem of them with its place."""
    found = _at(document.data, path)
    if not isinstance(found, list):
        return (), [Problem("wrong-type", "'pull' wants a list of steps", document.location(path))]
    steps: list[JsonObject] = []
    problems: list[Problem] = []
    given: dict[str, tuple[str, ...]] = {}
    for position in range(len(found)):
        step, wrong = _step(document, (*path, position))
        problems += wrong
        if step is not None:
            problems += _unknown_outputs(document, (*path, position), step, given)
            steps.append(step)
            if step.get("id"):
                given[step["id"]] = _STEPS[step["step"]].gives
    return tuple(steps), problems


def with_default_pull(document: Document) -> Document:
    """Return the document with its own `pull` moved into each deployment that has none."""
    data = document.data
    if not isinstance(data, dict) or "pull" not in data:
        return document
    rest: JsonObject = {key: value for key, value in data.items() if key != "pull"}
    listed = rest.get("deployments")
    if not isinstance(listed, list):
        return document.graft(rest, {(): ()})
    places: dict[Steps, Steps] = {(): ()}
    for position, entry in enumerate(listed):
        if isinstance(entry, dict) and "pull" not in entry:
            entry["pull"] = data["pull"]
            places["deployments", position, "pull"] = ("pull",)
    return document.graft(rest, places)


def _step(document: Document, path: Steps) -> tuple[JsonObject | None, list[Problem]]:
    entry = _at(document.data, path)
    if not isinstance(entry, dict) or len(entry) != 1:
        what = "a step is a mapping with one key: its name"
        return None, [Problem("wrong-type", what, document.location(path), "write - git_clone: {repository: ...}")]
    (name,) = entry
    known = str(name).removeprefix(_PREFIX)
    if known not in _STEPS:
        where = document.location((*path, name), key=True)
        hint = suggestion(known, list(_STEPS)) or f"the steps are {', '.join(_STEPS)}"
        return None, [Problem("unknown-step", f"there is no pull step {name!r} here", where, hint)]
    step, problems = validate(document, _STEPS[known], (*path, name))
    return (None if step is None else {"step": known, **step.model_dump(exclude_unset=True)}), problems


def _unknown_outputs(
    document: Document, path: Steps, step: JsonObject, given: dict[str, tuple[str, ...]]
) -> Iterator[Problem]:
    for value in _texts(step):
        for name, output in _OUTPUT.findall(value):
            if output not in given.get(name, ()):
                what = f"no step before it gives '{name}.{output}'"
                known = [f"{{{{ {step_id}.{each} }}}}" for step_id, outputs in given.items() for each in outputs]
                hint = f"there is {', '.join(known)}" if known else "give an earlier step an 'id'"
                yield Problem("unknown-output", what, document.location(path), hint)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


def _at(data: Any, path: Steps) -> Any:
    for step in path:
        data = data[step]
    return data
