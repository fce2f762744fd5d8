"""Settings: what is on by default where, and what never shows."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from actors.vad.settings import check
from actors.values import VadSettings
from balto.library import StartError, own_database
from balto.listening import with_stages
from balto.mistakes import first_mistake
from balto.settings import PREFIX, Settings, unknown_names


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


@pytest.mark.parametrize(
    ("host", "chosen", "is_open"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("localhost", None, True),
        ("0.0.0.0", None, False),
        ("::", None, False),
        ("balto.example", None, False),
        ("0.0.0.0", True, True),
        ("127.0.0.1", False, False),
    ],
)
def test_registration_is_open_by_default_only_where_nobody_else_reaches(
    host: str, chosen: bool | None, is_open: bool
) -> None:
    assert settings(host=host, open_registration=chosen).registration_is_open is is_open


@pytest.mark.parametrize(
    ("password", "chosen", "trusted"),
    [(None, None, True), ("", None, True), ("senha", None, False), ("senha", True, True), (None, False, False)],
)
def test_this_machine_is_trusted_by_default_only_while_there_is_no_administrator(
    password: str | None, chosen: bool | None, trusted: bool
) -> None:
    given = None if password is None else SecretStr(password)
    assert settings(admin_password=given, trust_loopback=chosen).loopback_is_trusted is trusted


@pytest.mark.parametrize(
    "name", [name for name, field in Settings.model_fields.items() if field.annotation in (float, float | None)]
)
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"BALTO_{name.upper()}", value)
    with pytest.raises(ValidationError) as caught:
        settings()
    assert [error["loc"] for error in caught.value.errors()] == [(name,)]


def test_nothing_secret_shows() -> None:
    shown = repr(settings(database_url="postgresql://a:segredo@h/b", admin_password="segredo"))
    assert "segredo" not in shown


def test_an_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALTO_ELEVENLABS_API_KEY", "")
    monkeypatch.setenv("BALTO_PORT", "")
    assert settings().elevenlabs_api_key is None
    assert settings().port == 8765


def test_a_tilde_of_the_file_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("BALTO_DATA_DIR", raising=False)
    (tmp_path / ".env").write_text("BALTO_DATA_DIR=~/x\nBALTO_BASKETS=~/y.json\n")
    read = Settings(_env_file=tmp_path / ".env")
    assert (read.data_dir, read.baskets) == (tmp_path / "x", tmp_path / "y.json")


def test_names_that_are_no_settings_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALTO_PROT", "1")
    monkeypatch.setenv("BALTO_PORT", "1")
    (tmp_path / ".env").write_text("balto_hots=a\nBALTO_HOST=b\nOTHER=c\n")
    assert unknown_names(tmp_path / ".env") == ["BALTO_HOTS", "BALTO_PROT"]


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://a@b/c",
        "postgresql://a:b@h:port/c",
        "postgresql://a:12/x@h/c",
        "postgresql://a:12?x@h/c",
        "postgresql://a:12#x@h/c",
        "postgresql://h/c d",
    ],
)
def test_what_is_no_address_of_a_database_is_refused_unquoted(url: str) -> None:
    with pytest.raises(StartError, match="is not a PostgreSQL address") as caught:
        own_database(settings(database_url=url))
    assert url not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://balto:a@b@localhost/balto",
        "postgres://[::1]:5433/balto",
        "postgresql:///balto?host=%2Ftmp%2Fs&user=balto",
        "postgresql://a,b:5433/balto?target_session_attrs=primary",
    ],
)
def test_addresses_of_databases_are_taken_as_they_are(url: str) -> None:
    assert own_database(settings(database_url=url)) == url


def test_the_example_names_every_setting_and_no_other() -> None:
    example = (Path(__file__).parents[3] / ".env.example").read_text()
    named = set(re.findall(r"^# (BALTO_\w+)=", example, re.MULTILINE))
    assert named == {f"BALTO_{name.upper()}" for name in Settings.model_fields}


def test_an_example_taken_whole_changes_nothing(tmp_path: Path) -> None:
    example = (Path(__file__).parents[3] / ".env.example").read_text()
    lines = re.findall(r"^# (BALTO_(?!DATABASE_|BASKETS)\w+=.*)$", example, re.MULTILINE)
    (tmp_path / ".env").write_text("\n".join(lines))
    assert Settings(_env_file=tmp_path / ".env") == Settings(_env_file=None)


def test_the_stages_of_voice_detection_reach_a_counters_preset() -> None:
    chosen = settings(vad_webrtc=False, vad_offer_ms=0)
    vad = with_stages(VadSettings(threshold_multiplier=2.0), chosen)
    assert vad == VadSettings(threshold_multiplier=2.0, webrtc=False, offer_ms=0)
    check(vad)


def test_not_every_stage_can_be_off() -> None:
    with pytest.raises(ValidationError, match="cannot be off with"):
        settings(vad_energy_gate=False, vad_webrtc=False, vad_neural=False)
    assert settings(vad_energy_gate=False, vad_webrtc=False).vad_neural


def test_trusted_proxies_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().trusted_proxies == ()
    monkeypatch.setenv("BALTO_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/24,fd00::/64")
    assert [str(each) for each in settings().trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/24", "fd00::/64"]
    for wrong in ("10.0.0.5/24", "caddy"):
        monkeypatch.setenv("BALTO_TRUSTED_PROXIES", wrong)
        with pytest.raises(ValidationError):
            settings()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"port": "many"}, "BALTO_PORT: must be a whole number"),
        ({"port": "65536"}, "BALTO_PORT: must be 65535 or less"),
        ({"max_sessions": "0"}, "BALTO_MAX_SESSIONS: must be more than 0"),
        ({"workers": "0"}, "BALTO_WORKERS: must be auto or a number from 1 to 64"),
        ({"workers": "65"}, "BALTO_WORKERS: must be auto or a number from 1 to 64"),
        ({"workers": "both"}, "BALTO_WORKERS: must be auto or a number from 1 to 64"),
        ({"fast_path": "perhaps"}, "BALTO_FAST_PATH: must be true or false"),
        ({"metrics_token": "segredo"}, "BALTO_METRICS_TOKEN: must have 16 characters or more"),
        (
            {"openai_base_url": "api.openai.com"},
            "BALTO_OPENAI_BASE_URL: must be an address such as https://example.com",
        ),
        (
            {"trusted_proxies": "127.0.0.1, proxy"},
            "BALTO_TRUSTED_PROXIES: must be addresses and networks with commas between",
        ),
        (
            {"trusted_proxies": "10.0.0.1/8"},
            "BALTO_TRUSTED_PROXIES: must be addresses and networks with commas between",
        ),
        ({"stt": "whisper"}, "BALTO_STT: must be 'auto', 'local', 'elevenlabs' or 'assemblyai'"),
        ({"vad_energy_gate": "no", "vad_webrtc": "no", "vad_neural": "no"}, "BALTO_VAD_NEURAL: cannot be off with"),
    ],
)
def test_what_is_wrong_is_said_by_the_name_in_the_environment(given: dict[str, str], line: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        settings(**given)
    assert first_mistake(wrong.value, PREFIX).startswith(f"setting {line}")


@pytest.mark.parametrize(("given", "count"), [("1", 1), ("64", 64), (2, 2)])
def test_workers_are_counted(given: object, count: int) -> None:
    assert settings(workers=given).worker_count == count
