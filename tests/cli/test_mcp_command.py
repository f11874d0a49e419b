"""`citydip mcp` teaches how programs start it; what it does is tested beside the server."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from citydip_rag.cli.main import app


def test_help_holds_what_programs_are_to_be_told() -> None:
    shown = CliRunner().invoke(app, ["mcp", "--help"], env={"COLUMNS": "100"}).output
    snippet = shown[shown.index("{") : shown.rindex("}") + 1]
    told = json.loads(snippet)["mcpServers"]["citydip"]
    assert told == {"command": "citydip", "args": ["mcp", "--index", "/path/to/index"]}
    assert "http://127.0.0.1:7860/mcp" in shown
