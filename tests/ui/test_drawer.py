"""The drawer's frame and scripts, without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from citydip_rag.corpus import known_suffixes
from citydip_rag.errors import CitydipError
from citydip_rag.schema import FileStatus, Language
from citydip_rag.texts import catalogue
from citydip_rag.ui import documents


def test_every_text_the_scripts_name_is_there() -> None:
    script = documents.script()
    keys = catalogue(Language.ENGLISH)
    named = set(re.findall(r'\b(?:said|showOutcome|announce)\("(\w+)"', script))
    named |= set(re.findall(r'\b(?:button|say)\((?:find\()?"[^"]+"\)?, "(\w+)"', script))
    named |= {f"{key}_one" for key in re.findall(r'counted\("(\w+)"', script)}
    named |= {f"{key}_other" for key in re.findall(r'counted\("(\w+)"', script)}
    named |= {f"status_{status}" for status in FileStatus}
    assert len(named) > 20
    assert {f"documents.{key}" for key in named} <= keys.keys()


def test_every_problem_that_has_a_text_can_arise() -> None:
    def slugs(error: type[CitydipError]) -> set[str]:
        return {error.slug}.union(*(slugs(kind) for kind in error.__subclasses__()))

    ours = {"general", "network", "stopped", "folder", "indexing", "body-too-large", "status-413"}
    for key in catalogue(Language.ENGLISH):
        section, _, problem = key.partition(".")
        if section == "problem" and problem not in ours:
            assert re.sub(r"-\d+$", "", problem) in slugs(CitydipError)


@pytest.mark.parametrize(
    "forbidden", ["innerHTML", "outerHTML", "insertAdjacentHTML", "http:", "alert("]
)
def test_scripts_write_text_only_and_name_no_host(forbidden: str) -> None:
    assert forbidden not in documents.script()


def test_the_frame_offers_what_can_be_read_and_labels_what_it_has() -> None:
    html = documents.panel()
    suffixes = documents.facts()["suffixes"]
    assert suffixes == known_suffixes()
    assert f'accept="{",".join(known_suffixes())}"' in html

    ids: set[str] = set()
    named: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = dict(attrs)
            ids.update(filter(None, [values.get("id")]))
            named.update(filter(None, [values.get("aria-labelledby"), values.get("for")]))

    Reader().feed(html)
    assert named
    assert named <= ids
