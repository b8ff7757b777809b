"""The rules of all workers: published at once, followed by each.

The topic holds the text of every rule file and, as the last record of each publication, the revision: which files
make it up. All of a publication is one transaction. A worker loads the files by the loader that read them before
they were published.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition

from automations.engine import Index, compile_rules
from automations.errors import AutomationsError
from automations.model.ruleset import RuleSet
from automations.ports import PausableKind
from automations.rulefiles import load_rules
from automations.rulefiles.files import rule_files
from automations.runtime.kafka.cluster import Cluster
from automations.runtime.kafka.records import Outgoing, Pause, Read, Revision, RuleFile, kind_of
from automations.runtime.kafka.topics import Topology

log = structlog.get_logger()

Pausable = tuple[PausableKind, str]
_NONE: Final = -1
"""The version before the first record."""


@dataclass(frozen=True)
class Rules:
    """What a worker decides by: immutable, replaced as a whole. `version` is the offset of the last revision or
    pause that is in it: workers compare theirs by it.
    """

    index: Index = field(default_factory=lambda: compile_rules(RuleSet()))
    pauses: frozenset[Pausable] = frozenset()
    version: int = _NONE

    @property
    def revision(self) -> str:
        """The revision of the rule set."""
        return self.index.rules.revision

    @cached_property
    def paused(self) -> frozenset[str]:
        """The automations that are paused."""
        return frozenset(name for kind, name in self.pauses if kind == "automation")

    @property
    def running(self) -> set[str]:
        """The automations that are neither disabled nor paused."""
        programs = self.index.programs.values()
        return {p.automation.name for p in programs if p.automation.enabled} - self.paused


class RulesInForce(Protocol):
    """What a stage asks for rules."""

    @property
    def current(self) -> Rules:
        """The rules in force now."""
        ...

    async def reach(self, version: int) -> None:
        """Wait until what stands at `version` is in force."""
        ...


@dataclass(slots=True)
class _Log:
    """What the topic says, up to some record. `latest` is the last revision, with its files."""

    files: dict[str, bytes] = field(default_factory=dict)
    pauses: set[Pausable] = field(default_factory=set)
    latest: tuple[Revision, Mapping[str, bytes]] | None = None
    version: int = _NONE

    def take(self, record: Read) -> None:
        """A file alone changes nothing: the revision behind it does."""
        kind = kind_of(record)
        if kind == RuleFile.KIND:
            self._take_file(RuleFile.read(record))
        elif kind == Revision.KIND:
            revision = Revision.read(record)
            files = {path: self.files[path] for path in revision.files if path in self.files}
            self.latest, self.version = (revision, files), record.offset
        elif kind == Pause.KIND:
            pause = Pause.read(record)
            (self.pauses.add if pause.paused else self.pauses.discard)((pause.kind, pause.name))
            self.version = record.offset
        else:
            log.warning("rules_record_skipped", kind=kind, offset=record.offset)

    def _take_file(self, file: RuleFile) -> None:
        if file.text is None:
            self.files.pop(file.path, None)
        else:
            self.files[file.path] = file.text


class RulesError(AutomationsError):
    """What is published cannot be used here. The worker must end: with other rules than those that were published
    it would let go of state, and pass over events.
    """

    code = "rules-rejected"


class RuleFollower:
    """Implements `RulesInForce`: `current` is what the topic says."""

    def __init__(self, cluster: Cluster, topology: Topology) -> None:
        self._current = Rules()
        self._cluster = cluster
        self._partition = TopicPartition(topology.rules, 0)
        self._log = _Log()
        self._changed = asyncio.Condition()

    @property
    def current(self) -> Rules:
        """The rules in force now."""
        return self._current

    async def run(self, ready: asyncio.Event) -> None:
        """Follow until cancelled; sets `ready` once the topic was read to its end and holds rules: without any,
        every event would be passed over. RulesError where they cannot be used.
        """
        end = await self._cluster.end_of(self._partition)
        async with self._cluster.reader(self._partition) as consumer:
            await consumer.seek_to_beginning(self._partition)
            while True:
                if await consumer.position(self._partition) >= end:
                    await self._use(ready)
                fetched = await consumer.getmany(self._partition, timeout_ms=500)
                for record in fetched.get(self._partition, ()):
                    self._log.take(record)

    async def reach(self, version: int) -> None:
        """Wait until what stands at `version` is in force."""
        if self.current.version < version:
            log.info("rules_awaited", version=version, in_force=self.current.version)
            async with self._changed:
                await self._changed.wait_for(lambda: self.current.version >= version)

    async def after(self, version: int) -> Rules:
        """Wait for rules or pauses that came after `version`; returns those in force then."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.current.version > version)
            return self.current

    async def _use(self, ready: asyncio.Event) -> None:
        if self._log.latest is None or self._log.version == self.current.version:
            return
        index = self.current.index
        if self._log.latest[0].revision != self.current.revision:
            index = await asyncio.to_thread(_compiled, *self._log.latest)
        rules = Rules(index, frozenset(self._log.pauses), self._log.version)
        async with self._changed:
            self._current = rules
            self._changed.notify_all()
        _settle()
        ready.set()
        log.info("rules_loaded", revision=rules.revision, automations=len(index.rules), version=rules.version)


def _settle() -> None:
    """Spare the garbage collector what stays until the rules change: it would look through all of it for every few
    hundred events.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _compiled(revision: Revision, files: Mapping[str, bytes]) -> Index:
    """What was published was loaded before that: if it does not load here, another version of us published it."""
    if {path: _digest(text) for path, text in files.items()} != dict(revision.files):
        raise RulesError(
            f"files of revision {revision.revision} are missing in the topic of rules",
            hint="its cleanup.policy must be compact: automations topics check; then publish the rules again",
        )
    try:
        return compile_rules(_load(files))
    except AutomationsError as error:
        raise RulesError(
            f"revision {revision.revision} does not load: {error}",
            hint="bring this worker to the version that published the rules",
        ) from error


async def publish(cluster: Cluster, topology: Topology, folder: Path) -> str:
    """Load the rule files of a folder and put them in force everywhere, all at once; returns the revision.

    RuleFileErrors where they do not load: nothing is published. Files that are gone are taken back.
    """
    files = {str(path.relative_to(folder)): path.read_bytes() for path in rule_files([folder])[0]}
    revision = Revision(load_rules(folder).revision, {path: _digest(text) for path, text in files.items()})
    async with cluster.producer(f"{topology.rules}.publisher") as producer:
        published = await _read(cluster, topology)
        if published.latest is None or published.latest[0] != revision:
            await _commit(producer, _changes(topology, published, files, revision))
    return revision.revision


async def set_paused(cluster: Cluster, topology: Topology, kind: PausableKind, name: str, paused: bool) -> int:
    """Pause or resume an object everywhere; returns the version of the rules that has it."""
    async with cluster.producer() as producer:
        record = Pause(kind, name, paused).to(topology.rules)
        headers = list(record.headers)
        written = await producer.send_and_wait(record.topic, record.value, record.key, headers=headers)
        return int(written.offset)


def _changes(
    topology: Topology, published: _Log, files: Mapping[str, bytes], revision: Revision
) -> Iterator[Outgoing]:
    for path, text in files.items():
        if published.files.get(path) != text:
            yield RuleFile(path, text).to(topology.rules)
    for path in published.files.keys() - files.keys():
        yield RuleFile(path, None).to(topology.rules)
    yield revision.to(topology.rules)


async def _commit(producer: AIOKafkaProducer, records: Iterator[Outgoing]) -> None:
    async with producer.transaction():
        for record in records:
            await producer.send(record.topic, record.value, record.key, headers=list(record.headers))


async def _read(cluster: Cluster, topology: Topology) -> _Log:
    found = _Log()
    async for records in cluster.read_all(TopicPartition(topology.rules, 0)):
        for record in records:
            found.take(record)
    return found


def _load(files: Mapping[str, bytes]) -> RuleSet:
    """Load files as they would be loaded from a folder; places are told relative to it."""
    with TemporaryDirectory(prefix="automations-rules-") as folder:
        root = Path(folder).resolve()
        for name, text in files.items():
            path = (root / name).resolve()
            if not path.is_relative_to(root):
                raise AutomationsError(f"{name!r} is no path inside of the folder of rules", code="bad-path")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        rules = load_rules(root)
    places = {
        name: replace(place, file=str(Path(place.file).relative_to(root))) for name, place in rules.places.items()
    }
    return replace(rules, places=places)


def _digest(text: bytes) -> str:
    return blake2b(text, digest_size=16).hexdigest()
