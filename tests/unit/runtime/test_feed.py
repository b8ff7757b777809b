"""The feed: bounded, and it ends."""

from __future__ import annotations

import asyncio

from automations.model.document import JsonObject
from automations.runtime.feed import Feed


async def watching(feed: Feed) -> asyncio.Task[list[JsonObject]]:
    async def collect() -> list[JsonObject]:
        return [message async for message in feed.messages()]

    task = asyncio.create_task(collect())
    while not feed.watched:
        await asyncio.sleep(0)
    return task


async def test_all_streams_end_when_the_engine_says_so_after_what_came_before() -> None:
    feed = Feed()
    task = await watching(feed)
    feed.publish({"type": "event", "n": 1})
    feed.publish(None)
    assert await asyncio.wait_for(task, 10) == [{"type": "event", "n": 1}]
    assert not feed.watched


async def test_who_is_too_slow_is_told_how_much_was_lost_and_ends_all_the_same() -> None:
    feed = Feed()
    task = await watching(feed)
    for number in range(1_500):
        feed.publish({"type": "event", "n": number})
    feed.publish(None)
    messages = await asyncio.wait_for(task, 10)
    assert messages[0] == {"type": "lost", "messages": 501}
    assert [message["n"] for message in messages[1:]] == list(range(501, 1_500))
