"""Deployment files: what loads, and what every error says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from automations.deploy import check_deployments
from automations.jobs import effective_job_variables
from automations.model.job import JobFile, Layer

Write = Callable[[str], Path]

WHOLE = """\
definitions:
  tags: &tags [etl, nightly]
deployments:
  - name: fix/nightly
    entrypoint: flows.py:repair
    description: Repairs orders
    tags: *tags
    version: "1.2"
    parameters: {order: none, attempts: 5}
    work_pool:
      name: big
      work_queue_name: urgent
      job_variables:
        cpu: 2
        env:
          REGION: eu
        env.DEBUG: true
    job_variable_policy:
      image: {pattern: 'app:[0-9]+'}
      cpu: {range: [1, 4]}
  - name: report
    entrypoint: flows.py:nightly_report
    paused: true
  - {name: repair, entrypoint: "flows.py:repair"}
work_pools:
  - name: big
    description: Many cores
    base_job_template:
      variables:
        properties:
          env: {type: object}
          cpu: {type: integer, default: 1}
          image: {type: string}
      job_configuration: {cores: "{{ cpu }}"}
    merge: {labels: deep}
    concurrency_limit: 3
    on_unknown: rerun
"""


def loaded(path: Path, environ: Mapping[str, str] | None = None) -> JobFile:
    checked = check_deployments(path, environ or {})
    assert checked.jobs is not None, checked.problems
    return checked.jobs


def test_a_whole_file_loads(write: Write, tmp_path: Path) -> None:
    jobs = loaded(write(WHOLE))
    fix, report, repair = jobs.deployments
    assert [d.name for d in jobs.deployments] == ["fix/nightly", "nightly-report/report", "Repair orders/repair"]
    assert (fix.flow, fix.short_name, fix.entrypoint) == ("fix", "nightly", "flows.py:repair")
    assert (fix.tags, fix.version, fix.directory) == (("etl", "nightly"), "1.2", str(tmp_path.resolve()))
    assert fix.parameters == {"order": "none", "attempts": 5}
    assert fix.job_variable_policy == {"image": {"pattern": "app:[0-9]+"}, "cpu": {"range": (1.0, 4.0)}}
    assert report.paused
    assert (repair.work_pool, repair.tags) == ("default", ())
    big, default = jobs.work_pools
    assert (big.concurrency_limit, big.on_unknown, big.merge) == (3, "rerun", {"labels": "deep"})
    assert big.job_configuration == {"cores": "{{ cpu }}"}
    assert (default.name, default.type) == ("default", "process")


def test_every_job_variable_knows_its_place(write: Write) -> None:
    path = write(WHOLE)
    jobs = loaded(path)
    effective = effective_job_variables(jobs.work_pools[0], jobs.deployments[0], Layer())
    assert {pointer: origin.origin for pointer, origin in effective.provenance.items()} == {
        "/cpu": f"{path}:14:9",
        "/env/REGION": f"{path}:16:11",
        "/env/DEBUG": f"{path}:17:9",
    }


def test_prefects_own_file_loads_with_notes(write: Write) -> None:
    checked = check_deployments(
        write("""\
            name: project
            prefect-version: 3.8.8
            build: null
            push:
              - some.step: {}
            pull: null
            deployments:
              - name: default
                version: null
                tags: []
                concurrency_limit: 4
                description: null
                entrypoint: flows.py:repair
                parameters: {}
                work_pool: {name: null, work_queue_name: null, job_variables: {}}
                schedules: []
            """),
        {},
    )
    assert checked.jobs is not None
    assert checked.jobs.deployments[0].name == "Repair orders/default"
    assert [(p.code, p.severity, p.location.line) for p in checked.problems] == [
        ("ignored-key", "warning", 1),
        ("ignored-key", "warning", 2),
        ("ignored-key", "warning", 4),
        ("ignored-key", "warning", 11),
    ]


def test_the_environment_is_filled_in_at_load(write: Write) -> None:
    path = write("""\
        deployments:
          - name: report
            entrypoint: flows.py:nightly_report
            version: "{{ $VERSION }}"
            description: "{{$A}}-{{ $B | default('b') }}-{{ $C | default(\\"c\\") }}-{{ other }}"
            work_pool: {job_variables: {env: {X: "{{ $NESTED }}"}}}
        """)
    jobs = loaded(path, {"VERSION": "7", "A": "", "NESTED": "{{ $A }}"})
    (report,) = jobs.deployments
    assert report.version == "7"
    assert report.description == "-b-c-{{ other }}"
    assert report.job_variables.values == {"env": {"X": "{{ $A }}"}}


def entry(*lines: str, name: str = "report", entrypoint: str = "flows.py:nightly_report") -> str:
    head = f"deployments:\n  - name: {name}\n    entrypoint: {entrypoint}\n"
    return head + "".join(f"    {line}\n" for line in lines)


POOL = "work_pools:\n  - name: big\n"

ERRORS = {
    "an unknown key": (
        entry("descripton: x"),
        "4:5 [unknown-key] 'descripton' is not a deployment field; did you mean 'description'?",
    ),
    "an unknown section": (
        "deployment: []\n",
        "1:1 [unknown-key] 'deployment' is not a deployment file field; did you mean 'deployments'?",
    ),
    "no mapping": ("- a\n", "1:1 [wrong-type] a deployment file is a mapping"),
    "no list": ("deployments: {}\n", "1:14 [wrong-type] 'deployments' wants a list"),
    "a wrong type": (entry("tags: nightly"), "4:11 [wrong-type] 'tags' wants a list, not 'nightly'"),
    "no entrypoint": ("deployments:\n  - name: x\n", "2:5 [missing-key] a deployment needs 'entrypoint'"),
    "schedules that are no list": (entry("schedules: {}"), "4:16 [wrong-type] 'schedules' wants a list"),
    "a calendar's rule": (
        entry("schedules: [{rrule: 'FREQ=DAILY'}]"),
        "4:18 [not-supported] 'rrule' is not run here; write 'cron' or 'interval'",
    ),
    "a pull step that is none": (
        "pull: [{git_clon: {repository: a}}]\n" + entry(),
        "1:9 [unknown-step] there is no pull step 'git_clon' here; did you mean 'git_clone'?",
    ),
    "a pull step without what it needs": (
        entry("pull: [{git_clone: {}}]"),
        "4:24 [missing-key] a git_clone step needs 'repository'",
    ),
    "a pull step's unknown input": (
        entry("pull: [{prefect.deployments.steps.set_working_directory: {directory: a, dir: b}}]"),
        "4:77 [unknown-key] 'dir' is not a set_working_directory step field",
    ),
    "two pull steps in one": (
        entry("pull: [{set_working_directory: {directory: a}, git_clone: {repository: b}}]"),
        "4:12 [wrong-type] a step is a mapping with one key: its name",
    ),
    "a pull step's output that nobody gives": (
        entry("pull: [{set_working_directory: {directory: '{{ clone.directory }}'}}]"),
        "4:12 [unknown-output] no step before it gives 'clone.directory'; give an earlier step an 'id'",
    ),
    "no such file": (entry(entrypoint="flow.py:f"), "3:17 [no-file] the entrypoint's file flow.py cannot be read"),
    "no such function": (
        entry(entrypoint="flows.py:nightly"),
        "3:17 [no-function] flows.py has no function 'nightly'; did you mean 'nightly_report'?",
    ),
    "no entrypoint's form": (entry(entrypoint="flows.nightly_report"), "3:17 [bad-entrypoint]"),
    "no Python": (entry(entrypoint="broken.py:f"), "3:17 [bad-entrypoint] broken.py is no Python, line 1"),
    "an unknown pool": (
        entry("work_pool: {name: bog}") + POOL,
        "4:23 [unknown-work-pool] there is no work pool 'bog'; did you mean 'big'?",
    ),
    "an unknown parameter": (
        entry("parameters: {ordr: 1}", entrypoint="flows.py:repair"),
        "4:18 [unknown-parameter] flows.py:repair has no parameter 'ordr'; did you mean 'order'?",
    ),
    "an unknown job variable": (
        entry("work_pool:", "  job_variables: {timeot: 3}"),
        "5:23 [bad-job-variable] timeot: the work pool has no such variable",
    ),
    "a job variable that no run could mend": (
        entry("work_pool:", "  job_variables:", "    timeout: soon"),
        '6:9 [bad-job-variable] timeout: "soon" is not of type "number"',
    ),
    "an unset variable": (
        entry("description: '{{ $NOPE }}'"),
        "4:18 [unset-variable] the environment variable NOPE is not set; set it, or write {{ $NOPE",
    ),
    "a reference that is none": (
        entry("description: '{{ $NOPE | upper }}'"),
        "4:18 [bad-placeholder] '$NOPE | upper' is no reference",
    ),
    "two of one name": (
        entry() + "  - {name: report, entrypoint: 'flows.py:nightly_report'}\n",
        "4:12 [duplicate-name] the name 'nightly-report/report' is taken",
    ),
    "two pools of one name": (POOL + "  - name: big\n", "3:11 [duplicate-name] the name 'big' is taken"),
    "a name with too many parts": (entry(name="a/b/c"), "2:11 [bad-name] 'a/b/c' is no name of a deployment"),
    "a name with an empty part": (entry(name="/b"), "2:11 [bad-name]"),
    "a schema that is none": (
        POOL + "    base_job_template:\n      variables:\n        properties:\n          cpu: {type: integr}\n",
        "6:23 [bad-schema] 'variables' is no JSON Schema",
    ),
    "a limit of nothing": (POOL + "    concurrency_limit: 0\n", "3:24 [bad-value] 'concurrency_limit'"),
    "a policy of two": (
        entry("job_variable_policy: {command: {any: true, enum: [a]}}"),
        "4:36 [bad-policy] a policy is one of",
    ),
    "a policy of nothing": (entry("job_variable_policy: {command: {}}"), "4:36 [bad-policy] a policy is one of"),
    "a policy with a bad pattern": (
        entry("job_variable_policy: {command: {pattern: '(?=a)'}}"),
        "4:46 [bad-pattern] the pattern is no RE2",
    ),
    "a policy on PATH": (
        entry("job_variable_policy: {env.PATH: {any: true}}"),
        "4:27 [bad-policy] no policy can open 'env.PATH' to events",
    ),
    "a policy on an unknown variable": (
        entry("job_variable_policy: {comand: {any: true}}"),
        "4:27 [bad-policy] comand: the work pool has no such variable",
    ),
    "a duplicate key": (entry("tags: []", "tags: []"), "5:5 [duplicate-key]"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(name: str, write: Write) -> None:
    text, said = ERRORS[name]
    path = write(text)
    (problem,) = check_deployments(path, {}).problems
    assert str(problem).startswith(f"{path}:{said}")


def test_all_errors_come_at_once_in_order_of_place(write: Write) -> None:
    text = (
        entry("tags: 1", entrypoint="gone.py:f")
        + "  - {name: y, entrypoint: 'gone.py:f'}\n"
        + POOL
        + "    typo: 1\n"
    )
    checked = check_deployments(write(text), {})
    assert checked.jobs is None
    assert [(p.location.line, p.code) for p in checked.problems] == [
        (4, "wrong-type"),
        (5, "no-file"),
        (8, "unknown-key"),
    ]


def test_a_pool_with_an_error_is_not_also_missing(write: Write) -> None:
    checked = check_deployments(write(entry("work_pool: {name: big}") + POOL + "    typo: 1\n"), {})
    assert [p.code for p in checked.problems] == ["unknown-key"]


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert [problem.code for problem in check_deployments(tmp_path / "none.yaml", {}).problems] == ["no-file"]


@pytest.mark.parametrize("function", ["plain_function", "guarded", "assigned"])
def test_a_function_may_be_plain_or_stand_under_if_or_be_assigned(function: str, write: Write) -> None:
    jobs = loaded(write(entry("parameters: {}", entrypoint=f"flows.py:{function}")))
    assert jobs.deployments[0].flow == function.replace("_", "-")


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
def test_what_cannot_be_a_file_of_deployments_is_refused_unread(
    tmp_path: Path, make: Callable[[Path], None], code: str
) -> None:
    make(file := tmp_path / "deployments.yaml")
    (problem,) = check_deployments(file, {}).problems
    assert (problem.code, problem.location.file) == (code, str(file))
