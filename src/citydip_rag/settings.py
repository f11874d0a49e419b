"""Every setting, its default and its meaning, in one class.

Values come, strongest first, from arguments, from `CITYDIP_*` environment variables and from
`citydip.toml` in the working directory. Paths are taken from the working directory.
"""

from __future__ import annotations

import logging
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, Self
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
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from citydip_rag.errors import SettingsError
from citydip_rag.schema import Policy

SettingsFile = Path("citydip.toml")
PREFIX = "CITYDIP_"
_HOST: Final = r"(?:\[[\da-fA-F:.]+\]|[\w.-]*)(?::\d+)?"
_TELLING: Final = re.compile(
    rf"[a-z]+://(?:[^@?]*@)?({_HOST}(?:,{_HOST})*(?:/[\w-]*)?)(?:\?[^@]*)?"
)
"""An address of a database: what of it is no secret."""

logger = logging.getLogger(__name__)


def _path(value: object) -> object:
    """An empty path would silently mean the working directory."""
    if str(value) in {"", "."} and not isinstance(value, Path):
        raise ValueError("this is empty; name a folder or a file")
    if "\0" in str(value):
        raise ValueError("no path can hold a zero byte")
    return value


CheckedPath = Annotated[Path, BeforeValidator(_path)]


class DatabaseAddress(SecretStr):
    """Address of a PostgreSQL database, shown without the name and password that it may hold."""

    def _display(self) -> str:
        told = _TELLING.fullmatch(self.get_secret_value())
        return f"postgresql://{told[1]}" if told else "postgresql://…"


def index_address(value: object) -> Path | DatabaseAddress:
    """The database or the folder that a text names."""
    if isinstance(value, Path | DatabaseAddress):
        return value
    if not isinstance(value, str):
        raise ValueError("name a folder, or a database as postgresql://…")  # noqa: TRY004  # pydantic
    if value.startswith(("postgresql://", "postgres://")):
        return DatabaseAddress(value)
    _path(value)
    return Path(value)


IndexAddress = Annotated[Path | DatabaseAddress, BeforeValidator(index_address)]


def _address(value: str) -> str:
    """An address that paths can be put behind, and that holds nothing else."""
    try:
        parts = urlsplit(value)
        port = parts.port  # looks at it for the first time
    except ValueError as error:
        raise ValueError("its host or its port, 0 to 65535, is not valid") from error
    if not parts.hostname or port == 0 or any(c.isspace() or not c.isprintable() for c in value):
        raise ValueError("this is no address; one such as http://127.0.0.1:8080/v1 is")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise ValueError("leave out what follows ? or #; a key goes into llm_api_key")
    return value


Address = Annotated[str, Field(pattern=r"^https?://[^\s/]"), AfterValidator(_address)]


def _names(value: object) -> object:
    """Names parted by commas, or a list of them."""
    if isinstance(value, str):
        return tuple(filter(None, (name.strip() for name in value.split(","))))
    return value


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
    state: str | None = Field(
        default=None,
        min_length=1,
        description="Database of keys and feedback: a SQLite file or postgresql://…; default:"
        " beside the index.",
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
    read_megabytes: Annotated[int, Field(ge=256)] = Field(
        default=2048, description="Memory that reading one file may take."
    )
    top_k: Annotated[int, Field(ge=1, le=20)] = Field(
        default=5, description="Passages an answer is made from."
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
    llm_context_tokens: Annotated[int, Field(ge=512)] = Field(
        default=4096, description="What the model takes in and gives out at once."
    )
    llm_max_tokens: Annotated[int, Field(ge=16)] = Field(default=400, description="Of an answer.")
    llm_thinking_tokens: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="That a model may spend on thinking, besides those of its answer; they count as"
        " part of its context.",
    )
    llm_passages: Annotated[int, Field(ge=1, le=10)] = Field(
        default=5, description="Passages that a model is sent at most."
    )
    llm_temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    llm_connect_seconds: Annotated[float, Field(gt=0)] = 5.0
    llm_first_token_seconds: Annotated[float, Field(gt=0)] = 60.0
    llm_between_tokens_seconds: Annotated[float, Field(gt=0)] = 20.0
    llm_total_seconds: Annotated[float, Field(gt=0)] = 120.0
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
        default=None, min_length=16, description="Key for changing documents over HTTP."
    )
    host: str = "127.0.0.1"
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        default=(),
        description="Names, parted by commas, under which it is also reached, as behind a proxy;"
        " `*`: any.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = 7860

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        key = self.llm_api_key.get_secret_value().strip() if self.llm_api_key else ""
        if key and "@" in urlsplit(self.llm_base_url).netloc:
            raise ValueError(
                "llm_base_url holds a name or a password, and llm_api_key is set: a server is sent"
                " one of them; take the other away"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


def load_settings(**overrides: object) -> Settings:
    """Settings from all sources; overrides of None are ignored.

    Raises:
        SettingsError: a value is malformed; the message names the setting, never its value.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
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
        if not variable.upper().startswith(PREFIX) or name in Settings.model_fields:
            continue
        near = get_close_matches(name, Settings.model_fields, n=1)
        hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
        logger.warning("%s is not a setting%s", variable, hint)
