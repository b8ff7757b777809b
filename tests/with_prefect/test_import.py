"""Automations made on a real Prefect server, imported: they pass the check, and mean the same."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from running import AUTOMATIONS, clean_environment
from with_prefect.following import Life, emitted, following
from with_prefect.server import PrefectServer

from automations.model.automation import Automation
from automations.rulefiles import check_rules, load_rules

BLOCK = "7b2f0c6e-51a4-4a0b-8b0b-6f8a2d3c9e10"
RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
PART = {"type": "event", "posture": "Reactive", "threshold": 1, "within": 0}
TRIGGERS = {
    "immediate": {**PART, "expect": ["prefect.flow-run.Failed", "prefect.flow-run.Crashed"], "match": RUNS},
    "a window": {**PART, "expect": ["a"], "threshold": 3, "within": 90, "for_each": ["prefect.resource.id", "x"]},
    "after": {**PART, "after": ["b", "a"], "expect": ["c"], "within": 0.5},
    "related": {**PART, "expect": ["a"], "match_related": {"prefect.resource.role": "tag", "k": ["v", "!w"]}},
    "related, a list": {**PART, "expect": ["a"], "match_related": [{"k": "v"}, {"l": ["w"]}]},
    "silence": {"type": "event", "posture": "Proactive", "expect": ["beat*"], "within": 30, "match": {"k": "v"}},
    "stuck": {
        "type": "event", "posture": "Proactive", "after": ["s"], "expect": ["e"], "within": 7200,
        "for_each": ["related:flow:prefect.resource.id"],
    },
    "compound": {
        "type": "compound", "require": 2, "within": 60,
        "triggers": [{**PART, "expect": ["a"]}, {**PART, "expect": ["b"]}, {**PART, "expect": ["c"]}],
    },
    "sequence": {
        "type": "sequence", "within": 3600,
        "triggers": [
            {**PART, "expect": ["a"]},
            {"type": "compound", "require": "any", "within": 10,
             "triggers": [{**PART, "expect": ["b"]}, {**PART, "expect": ["c"]}]},
        ],
    },
}  # fmt: skip
ACTIONS: list[dict[str, Any]] = [
    {"type": "do-nothing"},
    {"type": "cancel-flow-run"},
    {"type": "suspend-flow-run"},
    {"type": "resume-flow-run"},
    {"type": "delete-flow-run"},
    {"type": "change-flow-run-state", "state": "FAILED", "name": "Stopped", "message": "by {{ automation.name }}"},
    {"type": "pause-deployment", "source": "inferred"},
    {"type": "resume-deployment", "source": "inferred"},
    {"type": "pause-work-pool", "source": "inferred"},
    {"type": "resume-work-queue", "source": "inferred"},
]


@pytest.fixture(scope="module")
def server(prefect: PrefectServer) -> Iterator[PrefectServer]:
    """The server with automations of ours alone, which are taken away again."""
    remove_all(prefect)
    deployment = prefect.deployment("imported", "nightly", "imported-pool")
    for name, trigger in TRIGGERS.items():
        make(prefect, name, trigger=trigger, enabled=name != "after", description=f"what {name} is for: 1e3")
    make(prefect, "all actions", actions=ACTIONS, actions_on_trigger=ACTIONS[:1], tags=["0o17", "b"])
    make(prefect, "resolves", trigger=TRIGGERS["silence"], actions_on_resolve=ACTIONS[:1])
    make(
        prefect,
        "runs",
        actions=[
            {
                "type": "run-deployment",
                "source": "selected",
                "deployment_id": deployment,
                "parameters": {
                    "text": "{{ event.resource.id }}\n  second line\n",
                    "none": None,
                    "json": {"__prefect_kind": "json", "value": '{"a": [1, null]}'},
                },
                "job_variables": {
                    "image": "{{ event.payload.image }}",
                    "env": {"KEY": "{{ prefect.blocks.secret.key }}", "ON": "no", "N": "1e3"},
                    "list": ["a", "{{ $HOME }}"],
                },
                "schedule_after": 90,
            }
        ],
    )
    yield prefect
    remove_all(prefect)


def make(prefect: PrefectServer, name: str, **fields: Any) -> str:
    body = {"name": name, "trigger": TRIGGERS["immediate"], "actions": ACTIONS[:1], **fields}
    identity: str = prefect.post("/automations/", body)["id"]
    return identity


def remove_all(prefect: PrefectServer) -> None:
    while found := prefect.post("/automations/filter", {}):
        for automation in found:
            prefect.request("DELETE", f"/automations/{automation['id']}")


def command(prefect: PrefectServer, folder: Path, *arguments: str, code: int = 0) -> Any:
    done = subprocess.run(
        [*AUTOMATIONS, *arguments],
        cwd=folder,
        env=clean_environment(PREFECT_API_URL=prefect.url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def meaning(rule: Automation) -> Any:
    """The whole document, but for the order of what is a set there."""
    return ordered(rule.model_dump(mode="json"))


def ordered(value: Any) -> Any:
    if isinstance(value, dict):
        sets = {"after", "expect", "for_each"}
        return {key: sorted(item) if key in sets else ordered(item) for key, item in value.items()}
    return [ordered(item) for item in value] if isinstance(value, list) else value


def test_every_automation_is_imported_and_means_the_same(server: PrefectServer, tmp_path: Path) -> None:
    done = command(server, tmp_path, "import", "prefect")
    made = server.post("/automations/filter", {})
    assert len(done.stdout.splitlines()) == len(made) == len(TRIGGERS) + 3
    assert command(server, tmp_path, "check", "rules").stderr.startswith("0 error(s)")
    imported = {rule.name: rule for rule in load_rules(tmp_path / "rules")}
    for automation in made:
        if automation["name"] == "runs":
            continue  # its job variables for the worker would not load as they are
        file = tmp_path / "made" / f"{automation['id']}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(automation))
    as_told = check_rules([tmp_path / "made"])
    assert as_told.ruleset is not None, as_told.problems
    for rule in as_told.ruleset:
        assert meaning(imported[rule.name]) == meaning(rule)
    assert (imported["after"].enabled, imported["compound"].enabled) == (False, True)
    assert imported["after"].description == "what after is for: 1e3"


def test_job_variables_are_told_apart(server: PrefectServer, tmp_path: Path) -> None:
    """Those that the event fills, and those that the worker does."""
    done = command(server, tmp_path, "import", "prefect", "-o", "here", "--json")
    (told,) = [line for line in map(json.loads, done.stdout.splitlines()) if line["name"] == "runs"]
    assert told["notes"] == [
        "actions[0]: job_variables.image is rendered from the event now: "
        "'{{ event.payload.image }}' was passed on as text",
        "actions[0]: job_variables.env.KEY is passed on as it is, for Prefect's worker to fill in",
        "actions[0]: job_variables.list.1 is passed on as it is, for Prefect's worker to fill in",
    ]
    (action,) = next(rule for rule in load_rules(tmp_path / "here") if rule.name == "runs").actions
    assert (action.schedule_after, action.parameters["none"]) == (90_000_000, None)
    assert action.parameters["text"] == "{{ event.resource.id }}\n  second line\n"
    kept = {"__prefect_kind": "none", "value": "{{ $HOME }}"}
    assert action.job_variables["list"] == ["a", kept]
    assert (action.job_variables["env"]["ON"], action.job_variables["env"]["N"]) == ("no", "1e3")


def test_no_file_is_overwritten_unasked(server: PrefectServer, tmp_path: Path) -> None:
    command(server, tmp_path, "import", "prefect")
    mine = tmp_path / "rules" / "compound.yaml"
    mine.write_text("mine")
    refused = command(server, tmp_path, "import", "prefect", code=1)
    assert "compound.yaml" in refused.stderr
    assert "--force" in refused.stderr
    assert mine.read_text() == "mine"
    command(server, tmp_path, "import", "prefect", "--force")
    assert mine.read_text() != "mine"


def test_a_server_that_is_not_there_is_told(prefect: PrefectServer, tmp_path: Path) -> None:
    away = command(prefect, tmp_path, "import", "prefect", "--api-url", "http://127.0.0.1:9/api", code=3)
    assert "[unreachable]" in away.stderr
    wrong = prefect.url.removesuffix("/api")
    command(prefect, tmp_path, "import", "prefect", "--api-url", wrong, code=1)
    command(prefect, tmp_path, "import", "prefect", "--api-url", "here", code=1)
    assert not (tmp_path / "rules").exists()


async def test_imported_rules_fire_as_often_as_the_servers_own(prefect: PrefectServer, tmp_path: Path) -> None:
    """The same events, judged there by the automations and here by the rules that were made of them."""
    remove_all(prefect)
    part = {**PART, "match": {"shop": "s*"}}
    triggers: dict[str, Any] = {
        "each": {**part, "expect": ["same.a", "same.b"]},
        "three": {**part, "expect": ["same.*"], "threshold": 3, "within": 60, "for_each": ["shop"]},
        "both": {"type": "compound", "require": "all", "within": 60, "triggers": [expect("b"), expect("c")]},
        "in order": {"type": "sequence", "within": 60, "triggers": [expect("c"), expect("d")]},
        "out of order": {"type": "sequence", "within": 60, "triggers": [expect("d"), expect("c")]},
        "silent": {**part, "posture": "Proactive", "after": ["same.d"], "expect": ["same.z"], "within": 10},
    }
    for name, trigger in triggers.items():
        make(prefect, name, trigger=trigger)
    command(prefect, tmp_path, "import", "prefect")
    async with following(tmp_path / "a.db", prefect.url, load_rules(tmp_path / "rules")) as life:
        await life.until(lambda: life.store.reads.source_cursor("prefect"))
        for name in "abcd":
            resource = {"prefect.resource.id": "r", "shop": "s1"}
            prefect.post("/events", [{**emitted(f"same.{name}"), "resource": resource}])
            await asyncio.to_thread(prefect.until, partial(prefect.events, f"same.{name}"))
        await life.until(lambda: ticked(life, "silent"))
        here = await firings(life)
    assert here == {"each": 2, "three": 1, "both": 1, "in order": 1, "silent": 1}
    await asyncio.to_thread(prefect.until, lambda: fired_there(prefect, triggers) == here)
    remove_all(prefect)


def expect(name: str) -> dict[str, Any]:
    return {**PART, "expect": [f"same.{name}"]}


def fired_there(prefect: PrefectServer, names: Iterable[str]) -> Counter[str]:
    told = prefect.events("prefect.automation.triggered")
    counted = Counter(event["resource"]["prefect.resource.name"] for event in told)
    return Counter({name: counted[name] for name in names if counted[name]})


async def ticked(life: Life, name: str) -> bool:
    """Let time pass, as the ticker does."""
    await life.engine.tick()
    return name in await firings(life)


async def firings(life: Life) -> Counter[str]:
    page = await life.store.reads.firings(limit=200)
    return Counter(stored.firing.automation for stored in page.items)
