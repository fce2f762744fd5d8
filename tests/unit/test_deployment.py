"""What is deployed: the compose file by the published schema, its seals, the settings that it passes on, the image."""

import base64
import ipaddress
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from balto.settings import Settings
from events.sealing import MasterKeys
from tests.image.dockerfile import let_in, origin_of, probe_of, read_stages

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SETTINGS = {f"BALTO_{name.upper()}" for name in Settings.model_fields}
OF_THE_IMAGE = {"BALTO_HOST", "BALTO_PORT", "BALTO_DATA_DIR", "BALTO_WHISPER_MODEL"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return document


@pytest.fixture(scope="module")
def fresh_env() -> dict[str, str]:
    made = subprocess.run(
        ["/bin/sh", ROOT / "deploy" / "new-env.sh"], capture_output=True, text=True, check=True, timeout=10
    )
    lines = [line for line in made.stdout.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_compose_files_are_valid_by_the_published_schema() -> None:
    files = [COMPOSE, ROOT / "deploy" / "pitr.yml"]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_container_is_sealed_and_bounded(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service["deploy"]["resources"]["limits"]) >= {"memory", "pids"}, name
        assert service["healthcheck" if name != "balto" else "build"], name
        assert service["restart"] == ("no" if name == "owner" else "unless-stopped")
        assert not {"privileged", "network_mode", "pid", "devices"} & set(service), name


def test_the_database_is_reached_by_the_server_alone(compose: dict[str, Any]) -> None:
    services, networks = compose["services"], compose["networks"]
    assert services["postgres"]["networks"] == ["back"]
    assert networks["back"] == networks["watch"] == {"internal": True}
    assert "ports" not in services["postgres"]
    assert {name for name, service in services.items() if "back" in service["networks"]} == {
        "balto",
        "owner",
        "postgres",
    }
    assert services["owner"]["networks"] == ["back"]


def test_without_tls_nothing_is_published_beyond_this_machine(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert set(published) == {"balto", "grafana", "caddy"}
    assert compose["services"]["caddy"]["profiles"] == ["tls"]
    for name in ("balto", "grafana"):
        (port,) = published[name]
        assert ":-127.0.0.1:" in port


def test_the_server_gets_every_setting_but_those_of_its_image_and_no_owner(compose: dict[str, Any]) -> None:
    of_server = compose["services"]["balto"]["environment"]
    assert set(of_server) == SETTINGS - OF_THE_IMAGE - {"BALTO_DATABASE_OWNER_URL"}
    assert "POSTGRES_PASSWORD" not in str(of_server)
    assert set(compose["services"]["owner"]["environment"]) == set(of_server)


def test_the_proxy_that_is_believed_is_caddy_alone(compose: dict[str, Any]) -> None:
    given = compose["services"]["balto"]["environment"]["BALTO_TRUSTED_PROXIES"]
    address = compose["services"]["caddy"]["networks"]["front"]["ipv4_address"]
    assert given == f"${{BALTO_TRUSTED_PROXIES:-{address}}}"
    (front,) = compose["networks"]["front"]["ipam"]["config"]
    caddy, given_out, whole = (_by_default(each) for each in (address, front["ip_range"], front["subnet"]))
    (trusted,) = Settings(_env_file=None, trusted_proxies=caddy).trusted_proxies
    assert trusted[0] in ipaddress.ip_network(whole)
    assert trusted[0] not in ipaddress.ip_network(given_out)
    assert trusted.num_addresses == 1


def _by_default(value: str) -> str:
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_what_must_be_set_is_what_a_fresh_env_file_sets(fresh_env: dict[str, str]) -> None:
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text().replace("$${", "")))
    assert required == {"BALTO_ADMIN_PASSWORD", "POSTGRES_PASSWORD", "POSTGRES_SERVER_PASSWORD"}
    assert all(fresh_env[name] for name in required)
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE.read_text()))
    assert set(fresh_env) - SETTINGS <= asked | {"DOMAIN"}


def test_a_fresh_env_file_is_taken_by_the_settings_and_is_never_the_same(fresh_env: dict[str, str]) -> None:
    given: dict[str, Any] = {
        name.removeprefix("BALTO_").lower(): value for name, value in fresh_env.items() if name in SETTINGS
    }
    settings = Settings(_env_file=None, **{name: value for name, value in given.items() if value})
    assert settings.master_key is not None
    assert MasterKeys.parse(settings.master_key.get_secret_value())
    assert len(base64.b64decode(fresh_env["BALTO_MASTER_KEY"])) == 32
    secrets = [value for name, value in fresh_env.items() if "PASSWORD" in name or "TOKEN" in name]
    assert len(set(secrets)) == 5
    assert all(re.fullmatch(r"[0-9a-f]{48}", secret) for secret in secrets)


def test_point_in_time_recovery_changes_nothing_but_what_it_adds(compose: dict[str, Any]) -> None:
    changed = yaml.safe_load((ROOT / "deploy" / "pitr.yml").read_text())
    assert set(changed["services"]) == {"postgres"}
    assert set(changed["services"]["postgres"]) == {"entrypoint", "command", "volumes"}
    before, after = compose["services"]["postgres"]["command"], changed["services"]["postgres"]["command"]
    assert after[: len(before)] == before


def test_what_is_mounted_from_the_tree_is_there(compose: dict[str, Any]) -> None:
    mounts = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    from_tree = [Path(volume.split(":")[0]) for volume in mounts if volume.startswith("./")]
    assert len(from_tree) == 6
    assert [path for path in from_tree if not (ROOT / path).exists()] == []
    assert all(volume.endswith(":ro") for volume in mounts if volume.startswith("./"))


def test_the_image_runs_as_nobody_in_particular_and_is_built_in_another_stage() -> None:
    build, last = read_stages(ROOT / "Dockerfile")
    assert build.base == last.base
    user = last.last("USER")
    assert user is not None
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user.value)
    commands = " ".join(step.value for step in last.steps if step.kind == "RUN")
    assert not re.search(r"\b(install -r|apt-get|gcc|make|pip install)\b", commands)
    assert "pip uninstall" in commands
    assert all(origin_of(step)[0] == build.name for step in last.steps if step.kind == "COPY")
    probe = last.last("HEALTHCHECK")
    assert probe is not None
    assert "/readyz" in probe_of(probe)[-1]


def test_everything_installed_in_the_image_is_hashed_and_a_wheel() -> None:
    build, _ = read_stages(ROOT / "Dockerfile")
    (locked, own) = [step.value for step in build.steps if " pip " in step.value and " install " in step.value]
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(locked.split())
    assert "--no-deps" in own
    lock = (ROOT / "requirements" / "server.txt").read_text()
    entries = re.findall(r"^[a-z0-9.-]+==.*?(?=^[a-z]|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert len(entries) > 80
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_context_holds_what_the_image_copies_and_no_more() -> None:
    build, _ = read_stages(ROOT / "Dockerfile")
    copied = {path for step in build.steps if step.kind == "COPY" for path in origin_of(step)[1]}
    allowed, left_out = let_in(ROOT / ".dockerignore")
    assert {path for path in copied if "/" not in path} | {"requirements/server.txt"} == allowed
    assert left_out == {"__pycache__"}
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_image_and_unit_set_only_what_is_a_setting(compose: dict[str, Any]) -> None:
    _, last = read_stages(ROOT / "Dockerfile")
    assert {name for name in last.env if name.startswith("BALTO_")} == OF_THE_IMAGE
    unit = (ROOT / "deploy" / "balto.service").read_text()
    set_by_unit = set(re.findall(r"\b(BALTO_\w+)=", unit))
    assert set_by_unit <= SETTINGS
    in_compose = compose["services"]["balto"]["stop_grace_period"]
    assert f"TimeoutStopSec={in_compose.removesuffix('s')}" in unit
