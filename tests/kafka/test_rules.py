"""Rules for all workers: published at once, followed by each."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from kafka.audit import until

from automations.errors import RuleFileErrors
from automations.rulefiles import load_rules
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import Revision, RuleFile, kind_of
from automations.runtime.kafka.rules import RuleFollower, RulesError, _digest, publish, set_paused
from automations.runtime.kafka.topics import Topology, create

ONE = "- {name: one, trigger: {expect: a, within: 5m, threshold: 2}, actions: [{type: do-nothing}]}\n"
TWO = "- {name: two, trigger: {expect: b}, actions: [{type: do-nothing}]}\n"


@pytest.fixture
async def cluster(kafka: str, topology: Topology) -> Cluster:
    await create(kafka, topology)
    return Cluster(kafka)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules" / "deep").mkdir(parents=True)
    (tmp_path / "rules" / "one.yaml").write_text(ONE)
    (tmp_path / "rules" / "deep" / "two.yaml").write_text(TWO)
    (tmp_path / "rules" / "one_test.yaml").write_text("tests: []\n")
    return tmp_path / "rules"


@asynccontextmanager
async def following(cluster: Cluster, topology: Topology) -> AsyncIterator[RuleFollower]:
    follower, ready = RuleFollower(cluster, topology), asyncio.Event()
    task = asyncio.create_task(follower.run(ready))
    try:
        await asyncio.wait_for(ready.wait(), 20)
        yield follower
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_what_is_published_is_what_the_files_say(cluster: Cluster, topology: Topology, folder: Path) -> None:
    revision = await publish(cluster, topology, folder)
    async with following(cluster, topology) as follower:
        assert follower.current.revision == revision == load_rules(folder).revision
        assert follower.current.index.rules.automations == load_rules(folder).automations
        assert str(follower.current.index.rules.places["two"]) == "deep/two.yaml:1:4"


async def test_a_worker_without_rules_waits_for_some(cluster: Cluster, topology: Topology, folder: Path) -> None:
    follower, ready = RuleFollower(cluster, topology), asyncio.Event()
    task = asyncio.create_task(follower.run(ready))
    await set_paused(cluster, topology, "automation", "one", True)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ready.wait(), 1)
    await publish(cluster, topology, folder)
    await asyncio.wait_for(ready.wait(), 20)
    assert follower.current.paused == {"one"}
    task.cancel()
    await asyncio.wait([task])


async def test_a_change_replaces_all_at_once_and_takes_back_what_is_gone(
    cluster: Cluster, topology: Topology, folder: Path
) -> None:
    await publish(cluster, topology, folder)
    async with following(cluster, topology) as follower:
        (folder / "deep" / "two.yaml").unlink()
        (folder / "three.yaml").write_text(TWO.replace("two", "three"))
        revision = await publish(cluster, topology, folder)
        await until(lambda: in_force(follower, revision))
        assert {rule.name for rule in follower.current.index.rules} == {"one", "three"}
    async with following(cluster, topology) as later:
        assert later.current.revision == revision


async def test_rules_that_were_replaced_are_let_go(cluster: Cluster, topology: Topology, folder: Path) -> None:
    await publish(cluster, topology, folder)
    async with following(cluster, topology) as follower:
        replaced = weakref.ref(follower.current.index)
        (folder / "deep" / "two.yaml").unlink()
        revision = await publish(cluster, topology, folder)
        await until(lambda: in_force(follower, revision))
        assert replaced() is None


async def test_publishing_the_same_again_writes_nothing(
    cluster: Cluster, topology: Topology, folder: Path
) -> None:
    await publish(cluster, topology, folder)
    before = await records(cluster, topology)
    await publish(cluster, topology, folder)
    assert await records(cluster, topology) == before
    assert [kind_of(record) for record in before] == [RuleFile.KIND, RuleFile.KIND, Revision.KIND]


async def test_only_files_that_changed_are_written(cluster: Cluster, topology: Topology, folder: Path) -> None:
    await publish(cluster, topology, folder)
    before = len(await records(cluster, topology))
    (folder / "one.yaml").write_text(ONE.replace("5m", "6m"))
    await publish(cluster, topology, folder)
    assert [record.key for record in (await records(cluster, topology))[before:]] == [
        b"file/one.yaml",
        b"revision",
    ]


async def test_files_with_an_error_are_not_published(cluster: Cluster, topology: Topology, folder: Path) -> None:
    (folder / "bad.yaml").write_text("- {name: bad, trigger: {expct: a}, actions: []}\n")
    with pytest.raises(RuleFileErrors, match=str(folder / "bad.yaml")):
        await publish(cluster, topology, folder)
    assert await records(cluster, topology) == []


async def test_a_pause_holds_everywhere_until_it_is_resumed(
    cluster: Cluster, topology: Topology, folder: Path
) -> None:
    await publish(cluster, topology, folder)
    await set_paused(cluster, topology, "automation", "one", True)
    async with following(cluster, topology) as follower:
        assert follower.current.paused == {"one"}
        assert follower.current.running == {"two"}
        await set_paused(cluster, topology, "automation", "one", False)
        await until(lambda: nothing_paused(follower))


async def test_who_waits_for_a_version_goes_on_once_it_is_in_force(
    cluster: Cluster, topology: Topology, folder: Path
) -> None:
    await publish(cluster, topology, folder)
    async with following(cluster, topology) as follower:
        waiting = asyncio.create_task(follower.reach(follower.current.version + 1))
        (folder / "one.yaml").write_text(ONE.replace("5m", "6m"))
        revision = await publish(cluster, topology, folder)
        await asyncio.wait_for(waiting, 20)
        assert follower.current.revision == revision


async def test_what_cannot_be_used_ends_the_worker_and_keeps_what_was_in_force(
    cluster: Cluster, topology: Topology, folder: Path, tmp_path: Path
) -> None:
    await publish(cluster, topology, folder)
    follower, ready = RuleFollower(cluster, topology), asyncio.Event()
    task = asyncio.create_task(follower.run(ready))
    await asyncio.wait_for(ready.wait(), 20)
    before = follower.current
    await publish_raw(cluster, topology, {"bad.yaml": b"- {name: x, trigger: {expct: a}, actions: []}"})
    with pytest.raises(RulesError, match="unknown-key"):
        await asyncio.wait_for(task, 20)
    assert follower.current is before


@pytest.mark.parametrize("path", ["../escaped.yaml", "{folder}/escaped.yaml"])
async def test_a_path_that_leads_out_of_the_folder_is_not_written(
    cluster: Cluster, topology: Topology, folder: Path, path: str
) -> None:
    await publish_raw(cluster, topology, {path.format(folder=folder): TWO.encode()})
    with pytest.raises(RulesError, match="bad-path"):
        await asyncio.wait_for(RuleFollower(cluster, topology).run(asyncio.Event()), 20)
    assert not (folder / "escaped.yaml").exists()


async def test_a_revision_whose_files_are_gone_ends_the_worker(
    cluster: Cluster, topology: Topology, folder: Path
) -> None:
    await publish_raw(cluster, topology, {}, files={"a.yaml": "digest"})
    with pytest.raises(RulesError, match=r"cleanup\.policy must be compact"):
        await asyncio.wait_for(RuleFollower(cluster, topology).run(asyncio.Event()), 20)


async def publish_raw(
    cluster: Cluster, topology: Topology, texts: dict[str, bytes], files: dict[str, str] | None = None
) -> None:
    wanted = [RuleFile(path, text).to(topology.rules) for path, text in texts.items()]
    digests = files or {path: _digest(text) for path, text in texts.items()}
    revision = Revision("other", digests).to(topology.rules)
    async with cluster.producer() as producer:
        for record in [*wanted, revision]:
            await producer.send_and_wait(record.topic, record.value, record.key, headers=list(record.headers))


async def records(cluster: Cluster, topology: Topology) -> list[object]:
    found: list[object] = []
    async for some in cluster.read_all(TopicPartition(topology.rules, 0)):
        found += some
    return found


async def in_force(follower: RuleFollower, revision: str) -> bool:
    return follower.current.revision == revision


async def nothing_paused(follower: RuleFollower) -> bool:
    return not follower.current.paused
