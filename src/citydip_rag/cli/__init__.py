"""The command line: `citydip`."""

import sys

INTERRUPTED = 130
"""Exit status after Ctrl-C or a termination signal."""


def main() -> None:
    """Entry point of the `citydip` command; Ctrl-C leaves no trace while it is being imported."""
    try:
        from citydip_rag.cli.main import main as run_command
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run_command()
