"""Moments as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.model.moment import SECOND, format_moment, parse_moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
MOMENTS = st.integers(FIRST, LAST)


@given(MOMENTS | st.integers(FIRST // SECOND, LAST // SECOND).map(lambda second: second * SECOND))
def test_a_moment_is_written_as_the_standard_library_writes_it(moment: int) -> None:
    assert format_moment(moment) == (EPOCH + timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")
    assert parse_moment(format_moment(moment)) == moment


@pytest.mark.parametrize("moment", [FIRST - 1, LAST + 1, 10**30])
def test_a_moment_beyond_the_calendar_is_an_error(moment: int) -> None:
    with pytest.raises(OverflowError):
        format_moment(moment)
