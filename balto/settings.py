"""Settings, from the environment and `.env`, each under the prefix `BALTO_`."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Final, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX: Final = "BALTO_"
_ENV_FILE: Final = ".env"
_ELSEWHERE: Final = frozenset(
    {"COUNTER_KEY", "PASSPHRASE_FILE", "CHROMIUM", "TEST_BINARIES", "TEST_POSTGRES", "WRITE_GOLDEN"}
)
"""Names under the prefix that are no settings of the server: options of commands, and those of the tests."""


def _data_home() -> Path:
    return Path.home() / ".local" / "share" / "balto"


OWN_BASKETS = Path(__file__).resolve().parent.parent / "cestas.json"


class Settings(BaseSettings):
    """Everything an operator can set. Unset engines are chosen by which keys there are."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=_ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        allow_inf_nan=False,  # a session's first event, which holds settings, could not be recorded
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    data_dir: Path = Field(default_factory=_data_home)
    """Where the embedded PostgreSQL and the assembled speech model live."""
    database_url: SecretStr | None = None
    """A PostgreSQL of your own; without it Balto starts an embedded one."""
    database_owner_url: SecretStr | None = None
    """The same database as its owner, where `database_url` is of a login that may only append (role `balto_app`): for
    migrations, and for what only an owner may do. Without it `database_url` is taken for that."""
    archive_dir: Path | None = None
    """Where cold partitions go as Parquet, `data_dir/archive` without it. Servers that share a database share it."""
    master_key: SecretStr | None = None
    """What the keys of personal data are wrapped with: base64 of 32 bytes, or several as `VERSION:BASE64,…`. Without it
    they are in `data_dir/master.key`, made the first time. Servers that share a database must share it."""
    baskets: Path = OWN_BASKETS
    """The catalogue of baskets; one without a vocabulary of its own is served with ours."""
    lookups: Path | None = None
    """A second file of the predecessor's, from medicine, symptom and disease to items; it comes before the baskets."""
    baskets_poll_s: float = Field(default=1.0, ge=0)
    """How often to look whether these files have changed; 0 for never."""
    open_registration: bool | None = None
    """Whether anyone who reaches the server may register a client; unset, only where `host` is this machine alone."""
    trust_loopback: bool | None = None
    """Whether who sits at this machine needs no login; unset, only while there is no administrator's password."""
    trusted_proxies: Annotated[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], NoDecode] = ()
    """Networks of proxies whose `X-Forwarded-For` says who calls, for limits by address: `10.0.0.5, fd00::/64`."""
    admin_password: SecretStr | None = None
    """Without it nobody can log in as administrator."""
    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    """Opens `/metrics` and nothing else, as `Authorization: Bearer`, for a Prometheus that sits elsewhere."""

    stt: Literal["auto", "local", "elevenlabs", "assemblyai"] = "auto"
    llm: Literal["auto", "lexicon", "openai"] = "auto"
    stt_backup: Literal["local", "none"] = "local"
    """What stands behind the providers of speech-to-text."""
    whisper_model: str | None = None
    """Another faster-whisper model, by folder or name; without it the verified Whisper base that setup installs."""
    stt_budget_s: float = Field(default=8.0, gt=0)
    """The deadline of a phrase for speech-to-text, all engines together."""
    stt_hedge_s: float = Field(default=0.6, gt=0)
    """Silence of a provider after which the next one is asked too, or later, if the provider is usually slower."""
    stt_streaming: Literal["off", "auto"] = "off"
    """Whether the preferred provider hears phrases while they are said: `auto`, where it can."""
    llm_budget_s: float = Field(default=1.2, gt=0)
    """The deadline of a stage. The lexicon answers where a model has not by then."""
    llm_hedge_s: float = Field(default=0.6, gt=0)
    """Silence of a model after which it is asked once more."""
    stt_compare: float = Field(default=0.0, ge=0, le=1)
    """Share of phrases that the other providers hear too, after the transcript that counts, to compare them."""
    stt_cheaper_snr_db: float | None = Field(default=None, ge=-20, le=100)
    """From this SNR on the cheaper provider comes first; unset, never."""
    stt_cheaper_s: float = Field(default=3.0, ge=0)
    """Seconds that such a phrase lasts at least."""
    fast_path: bool = True
    """Whether a stage that the lexicon is certain about asks no model."""
    llm_at_once: bool = True
    """Whether a model that is asked for stage 1 says stage 2 in the same answer; one request a stage otherwise."""

    gather_ms: int = Field(default=1500, ge=0, le=5_000)
    """Silence after which an unfinished utterance is understood as it is; 0 for every phrase by itself."""
    cooldown_s: float = Field(default=600.0, ge=0)
    """How long an item isn't suggested again in a conversation."""
    conversation_silence_s: float = Field(default=180.0, ge=10)
    """Silence after which whoever speaks is taken for another customer."""

    vad_energy_gate: bool = True
    """Whether only what is louder than the noise is looked at for speech."""
    vad_webrtc: bool = True
    """Whether only what webrtcvad takes for voice is."""
    vad_neural: bool = True
    """Whether Silero confirms what these let through, where it is installed."""
    vad_offer_ms: int = Field(default=256, ge=0, le=5_000)
    """Pause after which a phrase goes to speech-to-text early; 0 for never."""

    elevenlabs_api_key: SecretStr | None = None
    elevenlabs_base_url: str | None = None
    elevenlabs_model: str = "scribe_v2"
    elevenlabs_realtime_model: str = "scribe_v2_realtime"
    """The model of phrases that are heard while they are said."""
    assemblyai_api_key: SecretStr | None = None
    assemblyai_base_url: str | None = None
    assemblyai_model: str = "universal-3-5-pro"
    assemblyai_streaming: Literal["upload", "socket"] = "upload"
    """How AssemblyAI hears phrases while they are said: uploaded for the one request, or over its streaming API."""
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-6-luna"

    grace_s: float = Field(default=60.0, ge=0)
    """How long a session waits for a lost connection of a client that can resume."""
    idle_s: float = Field(default=120.0, ge=0)
    """Seconds without a message after which a session that has nothing to do leaves the memory; 0 for never."""
    handshake_timeout_s: float = Field(default=10.0, gt=0)
    max_frame_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    max_sessions: int = Field(default=500, gt=0)
    """Of all processes of the server together."""
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that take connections, each with an event loop of its own; `auto` for one a core."""
    worker_patience_s: float = Field(default=30.0, ge=1)
    """Seconds after which a worker that does not answer its parent is killed and started again."""
    trace_url: str | None = None
    """Where spans of phrases go, by OTLP over HTTP: `http://collector:4318/v1/traces`. Needs the extra `trace`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"

    @field_validator("vad_neural")
    @classmethod
    def _some_stage(cls, neural: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic passes it so
        if not neural and not any(info.data.get(stage) for stage in ("vad_energy_gate", "vad_webrtc")):
            raise ValueError("cannot be off with BALTO_VAD_ENERGY_GATE and BALTO_VAD_WEBRTC")
        return neural

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        return [each.strip() for each in given.split(",") if each.strip()] if isinstance(given, str) else given

    @field_validator("data_dir", "baskets", "lookups")
    @classmethod
    def _at_home(cls, path: Path | None) -> Path | None:
        # A shell has expanded its own; a line of `.env` comes as it is written.
        return None if path is None else path.expanduser()

    def as_owner(self) -> "Settings":
        """Return the settings with which an operator's commands open the database: as its owner, where that is set."""
        if self.database_owner_url is None:
            return self
        return self.model_copy(update={"database_url": self.database_owner_url, "database_owner_url": None})

    @property
    def worker_count(self) -> int:
        """How many processes take connections."""
        return len(os.sched_getaffinity(0)) if self.workers == "auto" else self.workers

    @property
    def transcribers(self) -> tuple[str, ...]:
        """Names of the speech-to-text engines, in order of preference."""
        keys = {
            "elevenlabs": self.elevenlabs_api_key is not None,
            "assemblyai": self.assemblyai_api_key is not None,
        }
        if self.stt == "auto":
            names = [name for name, key in keys.items() if key] or ["local"]
        else:
            # The other provider backs up the one that was named, where there is a key for it.
            names = [self.stt, *(name for name, key in keys.items() if key and self.stt != "local")]
        if self.stt_backup != "none":
            names.append(self.stt_backup)
        return tuple(dict.fromkeys(names))

    @property
    def understandings(self) -> tuple[str, ...]:
        """Names of the engines that understand, in order of preference."""
        if self.llm == "lexicon" or (self.llm == "auto" and self.openai_api_key is None):
            return ("lexicon",)
        return ("openai", "lexicon")

    @property
    def whisper_weights(self) -> Path | str:
        """The local speech model: a folder, or a name that faster-whisper knows."""
        return self.whisper_model or self.data_dir / "models" / "whisper-base"

    @property
    def archive(self) -> Path:
        """The archive's folder."""
        return self.archive_dir or self.data_dir / "archive"

    @property
    def registration_is_open(self) -> bool:
        """Whether anyone who reaches the server may register a client."""
        return is_loopback(self.host) if self.open_registration is None else self.open_registration

    @property
    def loopback_is_trusted(self) -> bool:
        """Whether who sits at this machine needs no login.

        Behind a proxy that forwards nothing of its callers everyone seems to sit here, so a server that has an
        administrator asks for the login unless it is told otherwise.
        """
        if self.trust_loopback is not None:
            return self.trust_loopback
        return self.admin_password is None or not self.admin_password.get_secret_value()


def is_loopback(host: str) -> bool:
    """Return whether a host, by name or address, is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def unknown_names(env_file: Path = Path(_ENV_FILE)) -> list[str]:
    """Return the names under `BALTO_` in the environment and in `.env` that are no settings, in order.

    Raises:
        UnicodeDecodeError: the file is not UTF-8.
    """
    known = {name.upper() for name in Settings.model_fields} | _ELSEWHERE
    given = {name.upper() for name in (*os.environ, *(dotenv_values(env_file) if env_file.is_file() else {}))}
    return sorted(name for name in given if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known)
