"""The command line: `citydip`."""

from citydip_rag.cli.main import app, main

__all__ = ["app", "main"]
