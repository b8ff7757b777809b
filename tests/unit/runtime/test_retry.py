from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from automations.model.moment import DAY, SECOND
from automations.runtime.retry import RetryPolicy

POLICY = RetryPolicy()


@given(st.integers(1, POLICY.max_attempts - 1), st.floats(0, 1, exclude_max=True))
def test_the_delay_is_never_beyond_the_cap(attempts: int, random: float) -> None:
    delay = POLICY.delay(attempts, 0, None, random)
    assert delay is not None
    assert 0 <= delay <= POLICY.cap


def test_what_the_peer_asks_for_is_waited_for() -> None:
    delay = POLICY.delay(1, 0, 7 * SECOND, 0.5)
    assert delay is not None
    assert delay >= 7 * SECOND


def test_attempts_and_age_are_bounded() -> None:
    assert POLICY.delay(POLICY.max_attempts, 0, None, 0.5) is None
    assert POLICY.delay(1, DAY, None, 0.5) is None
