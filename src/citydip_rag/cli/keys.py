"""`citydip keys`: who may use a server, and for what."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from citydip_rag.cli.console import remarks, screen, write_json
from citydip_rag.cli.opening import IndexOption
from citydip_rag.settings import Settings, load_settings
from citydip_rag.values import index_address

if TYPE_CHECKING:
    from datetime import datetime

    from citydip_rag.access import Key, Keys

app = typer.Typer(
    help="Keys for a server's API and page. Once there is one, every request needs one.",
    no_args_is_help=True,
)


class ScopeName(StrEnum):
    """What a key opens; a copy of `access.Scope`, which takes long to import."""

    ASK = "ask"
    DOCUMENTS = "documents"
    ADMIN = "admin"


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for.")],
    scope: Annotated[
        list[ScopeName] | None,
        typer.Option(
            "--scope",
            help="What it opens; may be repeated. ask: questions, the page, reading documents;"
            " documents: adding and removing them; admin: everything. [default: ask]",
        ),
    ] = None,
    expires: Annotated[
        int | None,
        typer.Option(
            "--expires", min=1, max=36_500, metavar="DAYS", help="[default: until it is revoked]"
        ),
    ] = None,
    index: IndexOption = None,
) -> None:
    """Make a key, and print it this once: it is kept as a hash alone."""
    from citydip_rag.access import Scope

    scopes = [Scope(chosen.value) for chosen in scope or [ScopeName.ASK]]
    settings = load_settings(index=index)
    with _opened(settings) as keys:
        made = keys.add(name, scopes, expires)
    screen.print(made, markup=False, highlight=False, soft_wrap=True)
    _say_where(settings)
    remarks.print(
        "Keep it: it is not shown again. It is sent as: Authorization: Bearer KEY", highlight=False
    )


@app.command("list")
def list_keys(
    index: IndexOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show all keys, those that are not taken any more too."""
    with _opened(load_settings(index=index)) as keys:
        found = keys.all()
    if as_json:
        write_json([key.model_dump(mode="json") for key in found])
    elif found:
        screen.print(_table(found))
    else:
        remarks.print("There are no keys. Make one with: citydip keys add NAME", highlight=False)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its name or id.")],
    index: IndexOption = None,
) -> None:
    """Have a key not taken any more; running servers know within a second."""
    with _opened(load_settings(index=index)) as keys:
        revoked = keys.revoke(key)
    screen.print(f"{revoked.name} ({revoked.id}) is revoked.", markup=False, highlight=False)


def _opened(settings: Settings) -> closing[Keys]:
    from citydip_rag.access import Keys

    return closing(Keys.open(settings))


def _say_where(settings: Settings) -> None:
    """Name the database that the key went into, and whether a server may be using it."""
    from citydip_rag.indexing import has_index

    address = index_address(settings.state_address)
    kept = address.resolve() if isinstance(address, Path) else address
    _remark(f"It is kept in {kept}, for the servers that use that.")
    if settings.state is None and not has_index(settings):
        _remark(
            f"But there is no index in {settings.index}. If your server has another, make the key"
            " with the same --index as for: citydip serve --index …"
        )


def _remark(said: str) -> None:
    remarks.print(said, markup=False, highlight=False, soft_wrap=True)


def _table(keys: list[Key]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "id", "scopes", "created", "last used", "expires", "state"):
        free = heading in {"name", "scopes"}
        table.add_column(heading, overflow="fold", no_wrap=not free)
    for key in keys:
        table.add_row(
            Text(key.name),
            key.id,
            " ".join(key.scopes),
            _day(key.created),
            _day(key.last_used),
            _day(key.expires),
            key.why_over() or "valid",
        )
    return table


def _day(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment.astimezone():%Y-%m-%d}"
