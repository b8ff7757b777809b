"""A Faust agent that does nothing: BOOTSTRAP TOPIC GROUP [TAKE]. With TAKE it takes so many events at once."""

from __future__ import annotations

import sys
from tempfile import mkdtemp

import faust


def main() -> None:
    bootstrap, topic, group, *take = sys.argv[1:]
    app = faust.App(
        group,
        broker=f"aiokafka://{bootstrap}",
        datadir=mkdtemp(),
        web_enabled=False,
        topic_disable_leader=True,
        broker_commit_interval=0.5,
        producer_linger=0.02,
        stream_buffer_maxsize=20_000,
        consumer_auto_offset_reset="earliest",
        value_serializer="json",
    )
    events = app.topic(topic)

    async def each(stream: faust.StreamT[object]) -> None:
        async for _ in stream:
            pass

    async def batches(stream: faust.StreamT[object]) -> None:
        async for _ in stream.take(int(take[0]), within=0.1):
            pass

    app.agent(events)(batches if take else each)
    sys.argv = ["faust", "worker", "-l", "error"]
    app.main()


if __name__ == "__main__":
    main()
