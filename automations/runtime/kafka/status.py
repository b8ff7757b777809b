"""How the stages of a worker go, as others are told it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from automations.ports import PartitionStatus, StageStatus, WorkerStatus
from automations.runtime.kafka.membership import Membership
from automations.runtime.kafka.rules import Rules
from automations.runtime.kafka.topics import Topology


def status_of(
    rules: Rules | None, members: Mapping[str, Membership[Any] | None], topology: Topology
) -> WorkerStatus:
    """`rules`: None before they are known; `members`: of each stage, None where it has not begun."""
    return WorkerStatus(
        revision=rules.revision if rules else "",
        automations=len(rules.index.rules) if rules else 0,
        stages=[_stage(name, member, topology) for name, member in members.items() if member is not None],
        missing="no rules have been published, or they are not read yet"
        if rules is None
        else next((why for name, member in members.items() for why in _missing(name, member)), None),
    )


def _stage(name: str, member: Membership[Any], topology: Topology) -> StageStatus:
    tally = member.tally
    dead = tally.written[topology.dead_letters]
    return StageStatus(
        name=name,
        partitions=[
            PartitionStatus(number, partition.restored, partition.position, partition.end)
            for number, partition in sorted(member.partitions.items())
        ],
        read=tally.read,
        written=tally.written.total() - dead,
        dead_letters=dead,
        rebalances=tally.rebalances,
        lost=tally.lost,
    )


def _missing(name: str, member: Membership[Any] | None) -> Iterator[str]:
    if member is None or not member.joined:
        yield f"{name}: its group has not given it partitions yet"
        return
    waiting = [str(number) for number, partition in sorted(member.partitions.items()) if not partition.restored]
    if waiting:
        yield f"{name}: the state of partitions {', '.join(waiting)} is being restored"
