"""Kinds of values that settings have, each with what is wrong with a value that is none."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

ROOT_PATH = r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+"
"""A path that begins with a slash and does not end with one."""
_HOST: Final = r"(?:\[[\da-fA-F:.]+\]|[\w.-]*)(?::\d+)?"
_TELLING: Final = re.compile(
    rf"[a-z]+://(?:[^@?]*@)?({_HOST}(?:,{_HOST})*(?:/[\w-]*)?)(?:\?[^@]*)?"
)
"""An address of a database: what of it is no secret."""


SCHEMES: Final = ("postgresql://", "postgres://")
"""How the address of a database begins."""
_LIKE_AN_ADDRESS: Final = re.compile(r"[a-z][a-z\d+.-]+:/|[^/@]*:[^/@]*@", re.IGNORECASE)


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


OTHER_SCHEMAS: Final = (
    "select set_config('search_path', coalesce(string_agg(quote_ident(name), ', ' order by place),"
    " ''), false) from unnest(current_schemas(false)) with ordinality as schemas (name, place)"
    " where name <> 'citydip'"
)
"""For a session of PostgreSQL: have names looked up where they were, but for our own schema.

A user who is called as it is would be shown it first. Its table `vector` would hide the type of
that name, and the tables of keys would be made in it once it is there, beside those made before.
"""


def index_address(value: object) -> Path | DatabaseAddress:
    """The database or the folder that a text names."""
    if isinstance(value, Path | DatabaseAddress):
        return value
    if not isinstance(value, str):
        raise ValueError("name a folder, or a database as postgresql://…")  # noqa: TRY004  # pydantic
    if value.startswith(SCHEMES):
        return DatabaseAddress(value)
    if _LIKE_AN_ADDRESS.match(value):  # which may hold a password: no folder is called so
        raise ValueError("an address of a database begins with postgresql:// and nothing else")
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


def _origin(value: str) -> str:
    """Exactly what a browser sends as `Origin`."""
    parts = urlsplit(_address(value))
    if value != f"{parts.scheme}://{parts.netloc}" or "@" in value or value != value.lower():
        raise ValueError("an origin is scheme, name and port, in small letters and no more")
    return value


Origin = Annotated[str, Field(pattern=r"^https?://[^\s/]"), AfterValidator(_origin)]


def names(value: object) -> object:
    """Names parted by commas, or a list of them."""
    if isinstance(value, str):
        return tuple(filter(None, (name.strip() for name in value.split(","))))
    return value


def networks(values: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks; a host's name would never be that of a connection."""
    for value in values:
        try:
            ip_network("::" if value == "*" else value)
        except ValueError as error:
            raise ValueError("give addresses or networks, such as 10.0.0.0/8") from error
    if "*" in values and len(values) > 1:
        raise ValueError("`*` stands for every address; leave out the others")
    return values
