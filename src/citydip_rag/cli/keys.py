"""`citydip keys`: who may use a server, and for what."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from citydip_rag.cli.console import remarks, screen, write_json
from citydip_rag.settings import load_settings

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


IndexOption = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index that the server uses. [default: index]"),
]


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
    made = _keys(index).add(name, scopes, expires)
    screen.print(made, markup=False, highlight=False, soft_wrap=True)
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
    found = _keys(index).all()
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
    revoked = _keys(index).revoke(key)
    screen.print(f"{revoked.name} ({revoked.id}) is revoked.", markup=False, highlight=False)


def _keys(index: Path | None) -> Keys:
    from citydip_rag.access import Keys

    return Keys.open(load_settings(index=index))


def _table(keys: list[Key]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "id", "scopes", "created", "last used", "expires", "state"):
        table.add_column(heading, overflow="fold")
    for key in keys:
        table.add_row(
            Text(key.name),
            key.id,
            " ".join(key.scopes),
            _day(key.created),
            _day(key.last_used, "%Y-%m-%d %H:%M"),
            _day(key.expires),
            key.why_over() or "valid",
        )
    return table


def _day(moment: datetime | None, form: str = "%Y-%m-%d") -> str:
    return "–" if moment is None else moment.astimezone().strftime(form)
