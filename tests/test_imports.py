"""Who reaches past the engine, and what the package gives away and loads when imported."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import citydip_rag

SOURCE = Path(citydip_rag.__file__).parent
EDGE = {"evaluation", "server", "ui", "cli", "serving"}
"""Rooms that call the engine and ought not to reach past it."""
OPEN = {
    "admission",
    "access",
    "copying",
    "engine",
    "errors",
    "events",
    "feedback",
    "finding",
    "indexing",
    "library",
    "listing",
    "live",
    "observing",
    "parts",
    "questions",
    "removals",
    "schema",
    "settings",
    "texts",
    "values",
    "uploads",
    "writing",
}
"""What they may import beside themselves."""
REACHING_PAST = {
    # The command line is put together from the other edges.
    ("cli", "evaluation"),
    ("cli", "serving"),
    ("serving", "evaluation_page"),
    ("serving", "server"),
    ("serving", "sign_in_page"),
    ("serving", "ui"),
    # The doctor reads the documents to tell whether they have changed.
    ("cli", "corpus"),
    # Evaluating and training cut, embed and score data sets that are no folder of files.
    ("evaluation", "corpus"),
    ("evaluation", "embedding"),
    ("evaluation", "grounding"),
    ("evaluation", "retrieval"),
}


def imports() -> set[tuple[str, str]]:
    found = set()
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name} imports relatively"
                names = [str(node.module)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            parts = [name.split(".") for name in names if name.split(".")[0] == "citydip_rag"]
            found |= {(room, part[1] if len(part) > 1 else "") for part in parts}
    return found


def test_the_edges_call_the_engine_and_the_exceptions_are_known() -> None:
    beyond = {
        (room, other)
        for room, other in imports()
        if room in EDGE and other != room and other not in OPEN
    }
    assert beyond == REACHING_PAST


def test_nothing_inside_imports_the_package_itself() -> None:
    assert "" not in {other for _, other in imports()}


def test_a_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from citydip_rag import *", names)  # noqa: S102
    assert sorted(names.keys() - {"__builtins__"}) == citydip_rag.__all__


def test_help_comes_at_once() -> None:
    command = [sys.executable, "-c", "from citydip_rag.cli import main; main()", "--help"]
    quickest = 60.0
    for _ in range(3):  # the quickest of three, since other work may share the machine
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        quickest = min(quickest, time.perf_counter() - begun)
        if quickest < 1.5:
            break
    assert quickest < 1.5
