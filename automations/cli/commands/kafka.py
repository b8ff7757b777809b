"""`worker`, `topics`, `rules`: the runtime on Kafka."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from automations.cli.command import Command, Group
from automations.cli.kafka import directory_option, kafka_option, kafka_settings
from automations.cli.output import json_option, print_json, say


@click.command(cls=Command)
@kafka_option
@click.option(
    "--stage",
    type=click.Choice(["all", "match", "evaluate", "dispatch"]),
    default="all",
    show_default=True,
    help="What this worker takes part in.",
)
@directory_option
@click.option("--deployments", type=click.Path(path_type=Path), help="Deployment file.")
@click.option(
    "--db", "worker_db", type=click.Path(path_type=Path), help="The worker's SQLite database.  [worker.db]"
)
@click.option("--host", help="Address to tell at how it goes; beyond loopback an API key is needed.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Its port; 0 takes a free one.  [0]")
def worker(kafka: str | None, stage: str, **flags: Any) -> None:
    """Run a worker of the Kafka runtime.

    Any number of workers share the work. The topics must be there, and rules are those that were published last. A
    worker that has to end, as when another has taken over, exits 1 and is to be started again.

    One that dispatches has the sinks of automations.toml, the deployments and a database of its own, which holds
    the runs that it carries out: each worker needs another one, and the same one again after a restart.

    \b
    Examples:
      automations worker --kafka 127.0.0.1:9092
      automations worker --kafka 127.0.0.1:9092 --stage dispatch --db second.db --port 4201
    """
    settings = kafka_settings(kafka, **flags)
    from automations.wiring.worker import work

    sys.exit(work(settings, stage))


@click.group(cls=Group)
def topics() -> None:
    """The topics that workers read and write.

    \b
    Examples:
      automations topics create --kafka 127.0.0.1:9092
      automations topics check --kafka 127.0.0.1:9092
    """


@topics.command()
@kafka_option
@click.option(
    "--partitions", type=click.IntRange(1, 10_000), help="Of each topic; so many workers can share it  [8]"
)
@click.option("--replication", type=click.IntRange(1, 100), help="Copies of each  [3, or as many as brokers]")
@directory_option
@json_option
def create(kafka: str | None, directory: Path | None, as_json: bool, **numbers: int | None) -> None:
    """Make the topics that are missing.

    What exists is left as it is: 'topics check' tells whether it is as it must be.

    \b
    Examples:
      automations topics create --kafka 127.0.0.1:9092
      automations topics create --kafka 127.0.0.1:9092 --partitions 32 --replication 3
    """
    settings = kafka_settings(kafka, directory=directory)
    from automations.wiring.kafka import create_topics

    made = asyncio.run(create_topics(settings, **numbers))
    for name in made:
        print_json({"topic": name}) if as_json else click.echo(name)
    say(f"{len(made)} topic(s) made")


@topics.command()
@kafka_option
@directory_option
@json_option
def check(kafka: str | None, directory: Path | None, as_json: bool) -> None:
    """Tell how the topics differ from what they must be.

    Each difference comes with the command that mends it. Exits 1 when there is one.

    \b
    Examples:
      automations topics check --kafka 127.0.0.1:9092
    """
    settings = kafka_settings(kafka, directory=directory)
    from automations.wiring.kafka import differing_topics

    found = asyncio.run(differing_topics(settings))
    for difference in found:
        told = {"topic": difference.topic, "message": difference.message, "mend": difference.mend}
        print_json(told) if as_json else click.echo(str(difference))
    say(f"{len(found)} difference(s)")
    sys.exit(1 if found else 0)


@click.group(cls=Group)
def rules() -> None:
    """The rules that workers decide by.

    \b
    Examples:
      automations rules publish rules --kafka 127.0.0.1:9092
    """


@rules.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@kafka_option
@directory_option
@json_option
def publish(folder: Path, as_json: bool, kafka: str | None, directory: Path | None) -> None:
    """Put the rule files of DIR in force at all workers.

    All at once, or, where one has an error, not at all. What was published before and is not in DIR is taken back.

    \b
    Examples:
      automations rules publish rules --kafka 127.0.0.1:9092
    """
    settings = kafka_settings(kafka, directory=directory)
    from automations.wiring.kafka import publish_rules

    revision = asyncio.run(publish_rules(settings, folder))
    print_json({"revision": revision}) if as_json else click.echo(revision)
