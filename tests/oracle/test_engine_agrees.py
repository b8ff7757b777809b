"""The engine fires as rules.md says: it agrees with the oracle on every stream."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from oracle import strategies
from oracle.comparison import answers

STREAMS = int(os.environ.get("ORACLE_STREAMS", "500"))
KINDS = {
    "reactive": strategies.reactive,
    "proactive": strategies.proactive,
    "metrics": strategies.metrics,
    "schedules": strategies.schedules,
    "composites": strategies.trees,
    "all": strategies.triggers,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_agrees_with_the_oracle(kind: str) -> None:
    @settings(
        max_examples=max(STREAMS // len(KINDS), 1),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        print_blob=True,
    )
    @given(strategies.streams(KINDS[kind]))
    def agree(stream: strategies.Stream) -> None:
        for given_, expected, actual in answers(stream):
            assert actual == expected, given_

    agree()
