"""Settings, from the environment and `.env`, each under the prefix `BALTO_`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _data_home() -> Path:
    return Path.home() / ".local" / "share" / "balto"


OWN_BASKETS = Path(__file__).resolve().parent.parent / "cestas.json"


class Settings(BaseSettings):
    """Everything an operator can set. Unset engines are chosen by which keys there are."""

    model_config = SettingsConfigDict(env_prefix="BALTO_", env_file=".env", extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    data_dir: Path = Field(default_factory=_data_home)
    """Where the embedded PostgreSQL and the assembled speech model live."""
    database_url: str | None = None
    """A PostgreSQL of your own; without it Balto starts an embedded one."""
    archive_dir: Path | None = None
    """Where cold partitions go as Parquet, `data_dir/archive` without it. Servers that share a database share it."""
    master_key: SecretStr | None = None
    """What the keys of personal data are wrapped with: base64 of 32 bytes, or several as `VERSION:BASE64,…`. Without it
    they are in `data_dir/master.key`, made the first time. Servers that share a database must share it."""
    baskets: Path = OWN_BASKETS
    """The catalogue of baskets; one without a vocabulary of its own is served with ours."""
    open_registration: bool = True
    """Whether anyone who reaches the server may register a client."""
    admin_password: SecretStr | None = None
    """Without it nobody can log in as administrator."""

    stt: Literal["auto", "local", "elevenlabs", "assemblyai"] = "auto"
    llm: Literal["auto", "lexicon", "openai"] = "auto"
    whisper_model: str | None = None
    """Another faster-whisper model, by folder or name; without it the verified Whisper base that setup installs."""
    stt_budget_s: float = Field(default=8.0, gt=0)
    llm_budget_s: float = Field(default=3.0, gt=0)

    elevenlabs_api_key: SecretStr | None = None
    elevenlabs_base_url: str | None = None
    elevenlabs_model: str = "scribe_v2"
    assemblyai_api_key: SecretStr | None = None
    assemblyai_base_url: str | None = None
    assemblyai_model: str = "universal-3-5-pro"
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-6-luna"

    handshake_timeout_s: float = Field(default=10.0, gt=0)
    max_frame_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    max_sessions: int = Field(default=500, gt=0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"

    @property
    def archive(self) -> Path:
        """The archive's folder."""
        return self.archive_dir or self.data_dir / "archive"
