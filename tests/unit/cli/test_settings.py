from __future__ import annotations

from pathlib import Path

import pytest

from automations.errors import SettingsError
from automations.model.moment import SECOND
from automations.model.secret import SecretReference
from automations.settings import Settings, load_settings

Patch = pytest.MonkeyPatch


def write(folder: Path, text: str) -> dict[str, Path]:
    (folder / "automations.toml").write_text(text)
    return {"directory": folder}


def test_flags_win_over_the_environment_over_the_file_over_the_default(tmp_path: Path, monkeypatch: Patch) -> None:
    assert load_settings({"directory": tmp_path}).port == 4280
    flags = write(tmp_path, "port = 1\n")
    assert load_settings(flags).port == 1
    monkeypatch.setenv("AUTOMATIONS_PORT", "2")
    assert load_settings(flags).port == 2
    assert load_settings({**flags, "port": 3}).port == 3
    assert load_settings({**flags, "port": None}).port == 2


def test_the_folder_may_come_from_the_environment(tmp_path: Path, monkeypatch: Patch) -> None:
    write(tmp_path, "port = 1\n")
    monkeypatch.setenv("AUTOMATIONS_DIRECTORY", str(tmp_path))
    settings = load_settings({})
    assert (settings.port, settings.path("db")) == (1, tmp_path / "automations.db")


def test_sources_stand_in_the_folder_or_beside_the_rules(tmp_path: Path) -> None:
    settings = load_settings({"directory": tmp_path})
    assert settings.path("sources") == tmp_path / "sources.yaml"
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "sources.yaml").write_text("sources: []")
    assert settings.path("sources") == tmp_path / "rules" / "sources.yaml"


def test_sinks_are_tables_and_the_environment_may_add_to_them(tmp_path: Path, monkeypatch: Patch) -> None:
    flags = write(tmp_path, '[sinks.webhook]\ntype = "webhook"\nallow_http = false\n')
    monkeypatch.setenv("AUTOMATIONS_SINKS", '{"webhook": {"allow_http": true}}')
    assert load_settings(flags).sinks == {"webhook": {"type": "webhook", "allow_http": True}}


def test_durations_and_names_are_read_from_text(monkeypatch: Patch) -> None:
    monkeypatch.setenv("AUTOMATIONS_LATENESS", "5m")
    monkeypatch.setenv("AUTOMATIONS_ALLOWED_HOSTS", "a.example, b.example")
    settings = load_settings({})
    assert settings.lateness == 300 * SECOND
    assert settings.allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "automations.toml: 'prot' is no setting; did you mean 'port'?"),
        ("zzz = 1", "automations.toml: 'zzz' is no setting; the settings are directory, rules,"),
        ('port = "x"', "automations.toml: port: Input should be a valid integer"),
        ("port = 70000", "automations.toml: port: Input should be less than or equal to 65535"),
        ('lateness = "5s"', "automations.toml: lateness: write 1m or more"),
        ('drain = "5 parsecs"', "automations.toml: drain: '5 parsecs' is no duration"),
        ("max_event_bytes = 2000000", "automations.toml: max_event_bytes: Input should be less than or equal to"),
        ("[sinks]\nx = 1", "automations.toml: sinks x: Input should be a valid dictionary"),
        ("= 1", "the file is TOML in UTF-8"),
        ('directory = "x"', "'directory' cannot stand in this file"),
    ],
)
def test_what_is_wrong_in_the_file_names_the_file_and_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text))
    assert said in str(caught.value)
    assert str(tmp_path / "automations.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AUTOMATIONS_PROT", "1", "AUTOMATIONS_PROT is no setting; did you mean 'AUTOMATIONS_PORT'?"),
        ("AUTOMATIONS_PORT", "x", "AUTOMATIONS_PORT: Input should be a valid integer"),
        ("AUTOMATIONS_SINKS", "x", "AUTOMATIONS_SINKS is no JSON; write an object of sinks"),
        (
            "AUTOMATIONS_NOTIFICATIONS",
            "x",
            "AUTOMATIONS_NOTIFICATIONS is no JSON; write an object of notifications",
        ),
    ],
)
def test_what_is_wrong_in_the_environment_names_the_variable(
    monkeypatch: Patch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings({})
    assert said in str(caught.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({**write(tmp_path, "prot = 1\nbacklog = 0\n"), "port": -1})
    assert all(part in str(caught.value) for part in ("'prot'", "backlog:", "--port:"))


def test_a_folder_that_is_not_there_is_named_by_its_flag(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="-C: Path does not point to a directory"):
        load_settings({"directory": tmp_path / "nowhere"})


@pytest.mark.parametrize("name", ["API_URL", "API_KEY", "RUN_ID", "RUN_NAME", "DEPLOYMENT"])
def test_variables_that_others_read_are_no_mistake(monkeypatch: Patch, name: str) -> None:
    monkeypatch.setenv(f"AUTOMATIONS_{name}", "x")
    load_settings({})


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_described(name: str) -> None:
    assert Settings.model_fields[name].description


KAFKA = """
[kafka]
bootstrap = "a:9092"
security_protocol = "SASL_SSL"
sasl_mechanism = "PLAIN"
sasl_username = "ann"
sasl_password = {env = "SECRET"}
"""


def test_kafka_s_settings_are_a_table_whose_keys_are_variables_too(tmp_path: Path, monkeypatch: Patch) -> None:
    flags = write(tmp_path, KAFKA)
    monkeypatch.setenv("AUTOMATIONS_KAFKA_SASL_USERNAME", "bob")
    monkeypatch.setenv("AUTOMATIONS_KAFKA_SASL_PASSWORD", '{"file": "password"}')
    monkeypatch.setenv("AUTOMATIONS_KAFKA_CLIENT_ID", "c_d")
    kafka = load_settings({**flags, "kafka": {"bootstrap": "b:1,[::1]:2"}}).kafka
    assert (kafka.bootstrap, kafka.prefix, kafka.client_id) == ("b:1,[::1]:2", "automations", "c_d")
    assert (kafka.sasl_username, kafka.sasl_password) == ("bob", SecretReference(file="password"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('bootstrap = "a"', "automations.toml: kafka bootstrap: write HOST:PORT"),
        ('bootstrap = "a:1, b:2"', "kafka bootstrap: write HOST:PORT"),
        ('prefix = "a b"', "kafka prefix: a prefix has letters"),
        ('compression = "zip"', "kafka compression: Input should be 'gzip', 'lz4', 'snappy' or 'zstd'"),
        ('sasl_user = "a"', "'kafka.sasl_user' is no setting; did you mean 'sasl_username'?"),
        ('sasl_username = "a"', "kafka: sasl_username needs a security_protocol with SASL"),
        ('tls_ca = "a"', "kafka: tls_ca needs a security_protocol with SSL"),
        ('security_protocol = "SSL"\ntls_key = "a"', "kafka: tls_key needs tls_cert"),
        ('security_protocol = "SASL_SSL"', "kafka: a security_protocol with SASL needs sasl_mechanism"),
        (
            'security_protocol = "SASL_SSL"\nsasl_mechanism = "SCRAM-SHA-256"\nsasl_username = "a"',
            "kafka: SCRAM-SHA-256 needs sasl_username and sasl_password",
        ),
        (
            'security_protocol = "SASL_SSL"\nsasl_mechanism = "OAUTHBEARER"',
            "kafka: OAUTHBEARER needs sasl_token or sasl_token_command",
        ),
        (
            'security_protocol = "SASL_SSL"\nsasl_mechanism = "OAUTHBEARER"\nsasl_username = "a"',
            "kafka: sasl_username needs the mechanism PLAIN or SCRAM",
        ),
        (
            'security_protocol = "SASL_SSL"\nsasl_mechanism = "PLAIN"\nsasl_token = {env = "A"}',
            "kafka: sasl_token needs the mechanism OAUTHBEARER",
        ),
    ],
)
def test_what_is_wrong_with_kafka_names_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, f"[kafka]\n{text}\n"))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AUTOMATIONS_KAFKA_PREFIX", "a b", "AUTOMATIONS_KAFKA_PREFIX prefix: a prefix has letters"),
        (
            "AUTOMATIONS_KAFKA_PREFX",
            "a",
            "AUTOMATIONS_KAFKA_PREFX is no setting; did you mean 'AUTOMATIONS_KAFKA_PREFIX'",
        ),
    ],
)
def test_what_is_wrong_with_a_variable_of_kafka_s_names_it(
    monkeypatch: Patch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=said):
        load_settings({})


def test_an_address_of_kafka_that_is_none_is_told_as_the_flag_s() -> None:
    with pytest.raises(SettingsError, match="--kafka bootstrap: write HOST:PORT"):
        load_settings({"kafka": {"bootstrap": "nowhere"}})
