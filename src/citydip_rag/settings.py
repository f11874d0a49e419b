"""Every setting, its default and its meaning, in one class.

Values come, strongest first, from arguments, from `CITYDIP_*` environment variables, from files of
those names in lower case where Docker and systemd keep secrets, and from `citydip.toml` in the
working directory. Paths are taken from the working directory.
"""

from __future__ import annotations

import logging
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from citydip_rag.errors import SettingsError
from citydip_rag.schema import Policy
from citydip_rag.values import (
    ROOT_PATH,
    Address,
    CheckedPath,
    DatabaseAddress,
    IndexAddress,
    Origin,
    index_address,
    names,
    networks,
)

SettingsFile = Path("citydip.toml")
PREFIX = "CITYDIP_"
STATE_FILE = "state.sqlite"
OTHERS = frozenset({"client_key"})
"""Names behind the prefix that are no settings: what a client of the server takes."""
DOCKER_SECRETS = Path("/run/secrets")
SYSTEMD_SECRETS = "CREDENTIALS_DIRECTORY"
logger = logging.getLogger(__name__)


class Settings(BaseSettings):
    """All settings; unknown ones in `citydip.toml` are refused by name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file=SettingsFile, extra="forbid", frozen=True
    )

    seeds: CheckedPath = Field(default=Path("seeds"), description="Folder of the documents.")
    index: IndexAddress = Field(
        default=Path("index"),
        description="Folder of the index, or `postgresql://…`: a database that servers share.",
    )
    state: IndexAddress | None = Field(
        default=None,
        description="Database of keys and feedback: a SQLite file or postgresql://…; default:"
        " where the index is.",
    )
    feedback: Literal["on", "off"] = Field(
        default="on",
        description="Whether answers may be rated, on the page and over HTTP. A rating is kept with"
        " its question and answer, and with nothing of who gave it.",
    )
    feedback_days: Annotated[int, Field(ge=1, le=36500)] = Field(
        default=365, description="How long ratings are kept."
    )
    question_log: Literal["on", "off"] = Field(
        default="off",
        description="Whether a server keeps what it is asked: question, language, whether and how"
        " surely it was answered, by what, and how long it took; nothing of who asked.",
    )
    question_log_days: Annotated[int, Field(ge=1, le=36500)] = Field(
        default=30, description="How long those questions are kept."
    )
    eval_report: CheckedPath = Field(
        default=Path("eval/out/suite.json"),
        description="Report of `citydip eval suite --json` that the page shows.",
    )
    embedding_model: str = Field(
        default="bundled",
        min_length=1,
        description="`bundled`, a sentence-transformers name, or a folder.",
    )
    embedding_dtype: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="`auto`: the bundled model computes from its 4-bit weights on ONNX Runtime,"
        " others in bfloat16 where the processor has it; else on torch in the type named.",
    )
    passage_min_tokens: Annotated[int, Field(ge=1, le=400)] = 60
    passage_max_tokens: Annotated[int, Field(ge=16, le=480)] = 180
    read_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=120.0, description="Time that reading one file may take."
    )
    read_megabytes: Annotated[int, Field(ge=256, le=1_000_000)] = Field(
        default=2048, description="Memory that reading one file may take."
    )
    top_k: Annotated[int, Field(ge=1, le=20)] = Field(
        default=5, description="Passages an answer is made from."
    )
    questions_at_once: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=16, description="Questions that a server works at the same time."
    )
    questions_waiting: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=64, description="Questions that may wait beside them; others are refused at once."
    )
    connections: Annotated[int, Field(ge=16, le=1_000_000)] = Field(
        default=2000,
        description="Connections that a server keeps open; for new ones those go that have said"
        " nothing for longest.",
    )
    request_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=15.0,
        description="Time that the head of a request may take to arrive, and its body again; a"
        " file's has a second more for every 64 KiB.",
    )
    shutdown_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=30.0, description="Time in which a server that ends finishes what it has begun."
    )
    retrieval_mode: Literal["hybrid", "dense", "lexical"] = "hybrid"
    rerank: bool = Field(default=True, description="Second stage by token alignment.")
    generator: str = Field(default="extractive", description="Name of the answer generator.")
    policy: Policy = Field(
        default=Policy.STRICT,
        description="What becomes of a model's sentences that the documents do not bear out:"
        " `strict` leaves them out, `mark` marks them, `off` shows them.",
    )
    verifier: str = Field(
        default="alignment",
        min_length=1,
        description="What checks a model's sentences: `alignment`, or the name or folder of a"
        " sentence-transformers CrossEncoder trained for natural language inference.",
    )
    llm_base_url: Address = Field(
        default="http://127.0.0.1:8080/v1",
        description="Of an OpenAI-compatible chat server; for the generator `openai`.",
    )
    llm_model: str = Field(default="", description="Its name there; default: the server's first.")
    llm_api_key: SecretStr | None = Field(default=None, description="Key of that server.")
    llm_gguf: CheckedPath | None = Field(
        default=None, description="A model's file; for the generator `llamacpp`."
    )
    llm_context_tokens: Annotated[int, Field(ge=512, le=10_000_000)] = Field(
        default=4096, description="What the model takes in and gives out at once."
    )
    llm_max_tokens: Annotated[int, Field(ge=16, le=1_000_000)] = Field(
        default=400, description="Of an answer."
    )
    llm_thinking_tokens: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0,
        description="That a model may spend on thinking, besides those of its answer; they count as"
        " part of its context.",
    )
    llm_passages: Annotated[int, Field(ge=1, le=10)] = Field(
        default=5, description="Passages that a model is sent at most."
    )
    llm_temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    llm_connect_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    llm_first_token_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    llm_between_tokens_seconds: Annotated[float, Field(gt=0, le=86_400)] = 20.0
    llm_total_seconds: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    llm_retries: Annotated[int, Field(ge=0, le=10)] = 2
    calibration: CheckedPath | None = Field(
        default=None, description="Result of `citydip calibrate`; default: the one shipped."
    )
    evidence_head: CheckedPath | None = Field(
        default=None,
        description="Result of `citydip calibrate evidence`; default: the one shipped.",
    )
    uploads: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether documents may be added and removed over HTTP; `auto`: with the API"
        " key where one is set, else only while the server listens on loopback.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="A key for asking and for changing"
        " documents, besides those of `citydip keys`; alone on loopback, asking needs none.",
    )
    auth: Literal["keys", "none"] = Field(
        default="keys",
        description="`keys`: once there are keys, or the server listens to the network, every"
        " request needs one; `none`: whoever reaches it may ask, as behind a gateway that checks.",
    )
    sign_in_hours: Annotated[float, Field(gt=0, le=8760)] = Field(
        default=12.0, description="How long signing in on the page lasts."
    )
    key_questions_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=60, description="Of one key; 0, here and below: without limit."
    )
    key_questions_at_once: Annotated[int, Field(ge=0, le=1_000_000)] = 8
    address_questions_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=120,
        description="Of one client's address; without keys on loopback nothing is counted.",
    )
    address_questions_at_once: Annotated[int, Field(ge=0, le=1_000_000)] = 16
    cors_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(names)] = Field(
        default=(),
        description="Origins, parted by commas, whose scripts may use the API with a key, such as"
        " https://portal.example.",
    )
    host: str = "127.0.0.1"
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(names)] = Field(
        default=(),
        description="Names, parted by commas, under which it is also reached, as behind a proxy;"
        " `*`: any.",
    )
    root_path: Annotated[str, Field(pattern=f"^(?:{ROOT_PATH})?$")] = Field(
        default="", description="Path below which a proxy serves it, such as `/citydip`."
    )
    trusted_proxies: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(names), AfterValidator(networks)
    ] = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses or networks, parted by commas, of proxies that are believed who"
        " asks, whether by https, and below which path (X-Forwarded-For, -Proto, -Prefix);"
        " `*`: any.",
    )
    page: bool = Field(default=True, description="Whether the page is served, or the API alone.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Processes that share the port; several serve the API alone."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = 7860
    log_format: Literal["auto", "text", "json"] = Field(
        default="auto",
        description="Of `citydip serve`; `auto`: text on a terminal, else a line of JSON each.",
    )
    traces: bool = Field(
        default=False,
        description="Whether traces are sent, to where the OTEL_ variables say; needs"
        " `citydip-rag[otel]`.",
    )
    observe_text: bool = Field(
        default=False,
        description="Whether logs and traces hold what was asked and answered, too.",
    )

    @property
    def state_address(self) -> str | Path:
        """The database of keys and feedback: a SQLite file, or `postgresql://…`."""
        address = index_address(self.index if self.state is None else self.state)
        if isinstance(address, DatabaseAddress):
            return address.get_secret_value()
        return address / STATE_FILE if self.state is None else address

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        key = self.llm_api_key.get_secret_value().strip() if self.llm_api_key else ""
        if key and "@" in urlsplit(self.llm_base_url).netloc:
            raise ValueError(
                "llm_base_url holds a name or a password, and llm_api_key is set: a server is sent"
                " one of them; take the other away"
            )
        return self

    @model_validator(mode="after")
    def _one_process_for_the_page(self) -> Self:
        if self.workers > 1 and self.page:
            raise ValueError(
                "workers is more than 1, but the page keeps its conversations in one process: set"
                " page to false (citydip serve --api-only), or start a server for each processor"
                " behind a proxy, see docs/running.md"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # not read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # not read
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then files of secrets, then the file."""
        secrets = SecretsSettingsSource(settings_cls, secrets_dir=_secret_folders())
        return (init_settings, env_settings, secrets, TomlConfigSettingsSource(settings_cls))


def _secret_folders() -> list[Path]:
    """Where Docker and systemd put secrets: a file for each, named as its variable."""
    folders = [DOCKER_SECRETS, *map(Path, filter(None, [os.environ.get(SYSTEMD_SECRETS)]))]
    return [folder for folder in folders if folder.is_dir()]


def load_settings(**overrides: object) -> Settings:
    """Settings from all sources; overrides of None are ignored.

    Raises:
        SettingsError: a value is malformed; the message names the setting, never its value.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # it checks them
    except ValidationError as error:
        problems = "; ".join(
            ": ".join(filter(None, (".".join(str(part) for part in item["loc"]), item["msg"])))
            for item in error.errors(include_input=False)
        )
        raise SettingsError(
            f"A setting is not valid: {problems}.",
            "Correct it in citydip.toml or in the CITYDIP_ variable of that name.",
        ) from error
    except ValueError as error:  # the TOML itself
        raise SettingsError(f"citydip.toml cannot be read: {error}.") from error
    except OSError as error:
        raise SettingsError(
            f"citydip.toml cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    _warn_of_unknown()
    if settings.passage_min_tokens > settings.passage_max_tokens:
        raise SettingsError(
            "passage_min_tokens is greater than passage_max_tokens.", "Swap or lower them."
        )
    return settings


def _warn_of_unknown() -> None:
    """Name the variables that look like settings and are none: most are slips of the pen."""
    for variable in os.environ:
        name = variable.upper().removeprefix(PREFIX).lower()
        known = name in OTHERS or name in Settings.model_fields
        if known or not variable.upper().startswith(PREFIX):
            continue
        near = get_close_matches(name, Settings.model_fields, n=1)
        hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
        logger.warning("%s is not a setting%s", variable, hint)
