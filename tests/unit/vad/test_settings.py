"""Reading a client's voice-detection settings."""

import pytest

from actors.vad.settings import check, vad_settings_from
from actors.values import VadSettings


def test_no_settings_are_the_defaults() -> None:
    assert vad_settings_from(None) == vad_settings_from({}) == VadSettings()


def test_the_fields_of_deployed_clients_are_read() -> None:
    settings = vad_settings_from({"threshold_multiplier": 2, "min_energy": 80.5, "colour": "blue"})
    assert settings == VadSettings(threshold_multiplier=2.0, min_energy=80.5)


def test_the_older_name_is_accepted_and_the_newer_one_wins() -> None:
    assert vad_settings_from({"min_energy_threshold": 60}).min_energy == 60
    assert vad_settings_from({"min_energy_threshold": 60, "min_energy": 70}).min_energy == 70


def test_null_stands_for_the_default() -> None:
    assert vad_settings_from({"threshold_multiplier": None, "min_energy": None}) == VadSettings()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "vad_settings must be an object"),
        ("1.5", "vad_settings must be an object"),
        ({"threshold_multiplier": "1.5"}, "threshold_multiplier must be a number"),
        ({"threshold_multiplier": True}, "threshold_multiplier must be a number"),
        ({"threshold_multiplier": 0.99}, "threshold_multiplier must be between 1 and 10"),
        ({"threshold_multiplier": float("nan")}, "threshold_multiplier must be between 1 and 10"),
        ({"threshold_multiplier": float("inf")}, "threshold_multiplier must be between 1 and 10"),
        ({"min_energy": -1}, "min_energy must be between 0 and 5000"),
        ({"min_energy": 10**400}, "min_energy must be between 0 and 5000"),
        ({"min_energy_threshold": {}}, "min_energy must be a number"),
    ],
)
def test_wrong_settings_are_refused_in_one_clear_line(raw: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        vad_settings_from(raw)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "settings",
    [VadSettings(mode=4), VadSettings(hangover_ms=0), VadSettings(max_phrase_ms=100), VadSettings(onset_ms=True)],
)
def test_settings_out_of_range_are_refused_however_they_were_made(settings: VadSettings) -> None:
    with pytest.raises(ValueError, match="must be"):
        check(settings)


def test_not_every_stage_can_be_off() -> None:
    check(VadSettings(energy_gate=False, webrtc=False))
    with pytest.raises(ValueError, match="one of them true"):
        check(VadSettings(energy_gate=False, webrtc=False, neural=False))
    with pytest.raises(ValueError, match="true or false"):
        check(VadSettings(neural=1))  # type: ignore[arg-type] # a value that came from outside
