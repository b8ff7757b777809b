from __future__ import annotations

from pathlib import Path

import pytest

from automations.errors import SettingsError
from automations.model.moment import SECOND
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
