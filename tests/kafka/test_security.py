"""Clusters that want to know who comes: passwords, tokens, certificates."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from kafka.audit import Audit, until
from kafka.commands import installed, send, worker
from kafka.conftest import coordinating
from kafka.secure import PASSWORD, SecureBroker

from automations.errors import AutomationsError, SettingsError
from automations.model.event import Event
from automations.rulefiles import load_rules
from automations.runtime.kafka.records import RuleFile
from automations.settings import Settings, load_settings
from automations.wiring.kafka import cluster_of, create_topics, differing_topics, publish_rules, topology_of

RULE = "- {name: one, trigger: {expect: a}, actions: [{type: do-nothing}]}\n"
TLS = 'security_protocol = "SSL"\ntls_ca = "ca.pem"\n'
SASL = 'security_protocol = "SASL_SSL"\ntls_ca = "ca.pem"\n'
BY_PASSWORD = SASL + 'sasl_username = "ann"\nsasl_password = {env = "KAFKA_PASSWORD"}\n'
WAYS = {
    "TLS with a certificate": TLS + 'tls_cert = "client.crt"\ntls_key = "client.key"\n',
    "PLAIN": BY_PASSWORD + 'sasl_mechanism = "PLAIN"\n',
    "SCRAM-SHA-256": BY_PASSWORD + 'sasl_mechanism = "SCRAM-SHA-256"\n',
    "SCRAM-SHA-512": BY_PASSWORD + 'sasl_mechanism = "SCRAM-SHA-512"\n',
    "a token of a file": SASL + 'sasl_mechanism = "OAUTHBEARER"\nsasl_token = {file = "token"}\n',
    "a token of a command": SASL
    + f'sasl_mechanism = "OAUTHBEARER"\nsasl_token_command = ["{sys.executable}", "print_token.py"]\n',
}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    running = SecureBroker(tmp_path_factory.mktemp("secure-kafka"))
    running.start()
    asyncio.run(until(lambda: coordinating(running.bootstrap)))
    yield running
    running.stop()


@pytest.fixture
def project(secure: SecureBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project beside the files that let a client in."""
    for name in ("ca.pem", "client.crt", "client.key"):
        (tmp_path / name).write_bytes((secure.certificates / name).read_bytes())
    (tmp_path / "token").write_text(token())
    (tmp_path / "print_token.py").write_text(f"print({token()!r})")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "one.yaml").write_text(RULE)
    monkeypatch.setenv("KAFKA_PASSWORD", PASSWORD)
    return tmp_path


def token() -> str:
    """A token that is not signed: the broker of the tests takes such."""
    now = int(time.time())
    parts = {"alg": "none"}, {"sub": "ann", "iat": now, "exp": now + 3600}
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return f"{'.'.join(encoded)}."


def settings_of(project: Path, bootstrap: str, table: str) -> Settings:
    head = f'[kafka]\nbootstrap = "{bootstrap}"\nprefix = "test-{uuid4().hex[:12]}"\n'
    (project / "automations.toml").write_text(head + table)
    return load_settings({"directory": project})


async def published(settings: Settings) -> bytes | None:
    """The first rule file on the topic."""
    rules = TopicPartition(topology_of(settings).rules, 0)
    files = [RuleFile.read(r) async for records in cluster_of(settings).read_all(rules) for r in records]
    return files[0].text


@pytest.mark.parametrize("way", WAYS)
async def test_who_is_let_in_can_make_topics_write_and_read(secure: SecureBroker, project: Path, way: str) -> None:
    settings = settings_of(project, secure.tls if way.startswith("TLS") else secure.sasl, WAYS[way])
    assert await create_topics(settings, partitions=1, replication=None)
    assert await differing_topics(settings) == ()
    assert await publish_rules(settings, project / "rules") == load_rules(project / "rules").revision
    assert await published(settings) == RULE.encode()


@pytest.mark.parametrize("way", WAYS)
async def test_a_worker_is_let_in_as_its_commands_are(secure: SecureBroker, project: Path, way: str) -> None:
    address = secure.tls if way.startswith("TLS") else secure.sasl
    topology = topology_of(settings_of(project, address, WAYS[way]))
    installed(project, address)
    audit = Audit(secure.bootstrap, topology)
    with worker(project, address):
        await send(audit.cluster, topology, Event("t", "1", "a", 1, 1, {"prefect.resource.id": "r"}))
        (firing,) = await until(audit.firings)
        assert firing["automation"] == "one"


@pytest.mark.parametrize("compression", ["gzip", "lz4", "snappy", "zstd"])
async def test_what_is_compressed_is_read_again(secure: SecureBroker, project: Path, compression: str) -> None:
    settings = settings_of(project, secure.bootstrap, f'compression = "{compression}"\n')
    await create_topics(settings, partitions=1, replication=None)
    await publish_rules(settings, project / "rules")
    assert await published(settings) == RULE.encode()


@pytest.mark.parametrize(
    ("listener", "table"),
    [
        ("sasl", BY_PASSWORD.replace("KAFKA_PASSWORD", "PATH") + 'sasl_mechanism = "PLAIN"\n'),
        ("sasl", BY_PASSWORD.replace("ann", "bob") + 'sasl_mechanism = "SCRAM-SHA-512"\n'),
        ("sasl", SASL + 'sasl_mechanism = "OAUTHBEARER"\nsasl_token = {file = "print_token.py"}\n'),
        ("sasl", SASL + f'sasl_mechanism = "OAUTHBEARER"\nsasl_token_command = ["{sys.executable}", "-c", ""]\n'),
        ("sasl", SASL + 'sasl_mechanism = "OAUTHBEARER"\nsasl_token_command = ["/no/such/program"]\n'),
        ("tls", TLS),
        ("tls", 'security_protocol = "SSL"\n'),
    ],
)
async def test_who_is_not_let_in_is_told_so(
    secure: SecureBroker, project: Path, listener: str, table: str
) -> None:
    settings = settings_of(project, getattr(secure, listener), table)
    with pytest.raises(AutomationsError) as creating:
        await create_topics(settings, partitions=1, replication=None)
    with pytest.raises(AutomationsError) as publishing:
        await publish_rules(settings, project / "rules")
    for error in (creating.value, publishing.value):
        assert error.code in ("unreachable", "bad-token")
        assert getattr(secure, listener) in str(error) or "sasl_token_command" in str(error)
        assert PASSWORD not in str(error)
    await asyncio.sleep(0.2)  # aiokafka does not await the TLS goodbye of a connection that it gives up


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TLS.replace("ca.pem", "none.pem"), "tls_ca none.pem: No such file"),
        (TLS + 'tls_cert = "token"\n', "tls_ca ca.pem, tls_cert token"),
        (BY_PASSWORD.replace("KAFKA_PASSWORD", "NOT_SET") + 'sasl_mechanism = "PLAIN"\n', "NOT_SET is not set"),
    ],
)
async def test_a_file_or_secret_that_is_missing_is_named(project: Path, table: str, said: str) -> None:
    settings = settings_of(project, "127.0.0.1:1", table)
    with pytest.raises(SettingsError, match=said):
        await differing_topics(settings)
