"""What a deploy sends to an engine: one deployment, with everything of the deploying machine settled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from automations.deploy.load import CheckedJobs
from automations.model.document import JsonObject

ENV: Final = "env"


def deploy_request(checked: CheckedJobs, name: str, job_variables: JsonObject, said_by: str) -> JsonObject:
    """Return the entry of the deployment `name` as JSON, `job_variables` laid over its own.

    Beside the keys of a deployment file it has `directory` (where the entrypoint stands), `location` and `origins`
    (where each job variable is written, by JSON pointer). `said_by` is the origin of what is laid over.
    """
    document, path = checked.entries[name]
    deployment = next(found for found in checked.jobs.deployments if found.name == name) if checked.jobs else None
    assert deployment is not None  # noqa: S101  an entry that was read has its deployment
    entry: Any = document.data
    for step in path:
        entry = entry[step]
    own = deployment.job_variables
    origins = {**own.origins, **{f"/{_escaped(key)}": said_by for key in job_variables}}
    pool = {**entry.get("work_pool", {}), "job_variables": overlaid(own.values, job_variables)}
    return {
        **entry,
        "work_pool": pool,
        "directory": deployment.directory,
        "location": str(deployment.location),
        "origins": origins,
    }


def overlaid(values: Mapping[str, Any], over: Mapping[str, Any]) -> JsonObject:
    """Lay job variables over others as they are written: key by key, `env` name by name."""
    result = dict(values)
    for key, value in over.items():
        replaced = [f"{key}.{name}" for name in value] if key == ENV and isinstance(value, dict) else None
        for written in [*result]:
            if written in replaced if replaced is not None else written.startswith(f"{key}."):
                del result[written]
        below = result.get(key)
        result[key] = {**below, **value} if replaced is not None and isinstance(below, dict) else value
    return result


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
