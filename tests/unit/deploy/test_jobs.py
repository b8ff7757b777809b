"""Deployments found by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automations.deploy import FileJobs, ReloadableJobs
from automations.errors import ConflictError, NotFoundError
from automations.model.job import Deployment, JobFile, WorkPool


def deployment(flow: str, name: str) -> Deployment:
    return Deployment(flow, name, "flows.py:f", "default", "/srv")


FILE = JobFile(
    [deployment("b", "x"), deployment("a", "x"), deployment("a", "only")], [WorkPool("z"), WorkPool("default")]
)


def test_a_deployment_is_found_by_its_full_name_or_by_a_unique_short_one() -> None:
    jobs = FileJobs(FILE)
    assert jobs.deployment("b/x").flow == "b"
    assert jobs.deployment("only").name == "a/only"
    assert [d.name for d in jobs.deployments()] == ["a/only", "a/x", "b/x"]
    assert [p.name for p in jobs.work_pools()] == ["default", "z"]


def test_an_ambiguous_name_lists_what_it_may_mean() -> None:
    with pytest.raises(ConflictError, match="write a/x, b/x"):
        FileJobs(FILE).deployment("x")


def test_what_is_not_there_is_suggested() -> None:
    with pytest.raises(NotFoundError, match="no deployment 'onyl'; did you mean 'only'"):
        FileJobs(FILE).deployment("onyl")
    with pytest.raises(NotFoundError, match="did you mean 'default'"):
        FileJobs(FILE).work_pool("defalt")
    with pytest.raises(NotFoundError, match="there is none at all"):
        FileJobs(JobFile()).deployment("x")


def test_what_was_paused_or_resumed_outweighs_the_file_through_every_reload() -> None:
    paused = JobFile([replace(deployment("a", "x"), paused=True)], [WorkPool("z")])
    jobs = ReloadableJobs(paused)
    assert jobs.deployment("x").paused
    jobs.set_pauses({("deployment", "a/x"): False, ("work-pool", "z"): True, ("work-pool", "a/x"): True})
    for file in (paused, FILE):
        jobs.replace(file)
        assert not jobs.deployment("a/x").paused
        assert jobs.work_pool("z").paused
    assert not jobs.work_pool("default").paused


def test_a_reload_swaps_everything_at_once() -> None:
    jobs = ReloadableJobs()
    before = jobs.current
    jobs.replace(FILE)
    assert jobs.deployment("a/x").short_name == "x"
    assert jobs.work_pool("z").name == "z"
    assert list(before.deployments()) == []
    assert len(jobs.deployments()) == 3
    assert len(jobs.work_pools()) == 2
