"""Generators that other packages bring, as installed distributions."""

from __future__ import annotations

from pathlib import Path

import pytest

from citydip_rag.errors import SettingsError
from citydip_rag.generation.registry import make_generator
from citydip_rag.settings import Settings

MODULE = """
from citydip_rag.generation import Generator

class Parrot(Generator):
    name = "parrot"
    model = "feathers"

    async def stream(self, request):
        yield request.question

class Stone:
    pass

class Demanding(Parrot):
    def __init__(self, key):
        pass
"""
ENTRIES = """[citydip_rag.generators]
parrot = citydip_demo:Parrot
stone = citydip_demo:Stone
demanding = citydip_demo:Demanding
absent = citydip_demo:Absent
broken = citydip_not_there:Parrot
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "citydip_demo.py").write_text(MODULE, encoding="utf-8")
    info = tmp_path / "citydip_demo-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: citydip-demo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def test_a_brought_generator_is_used() -> None:
    generator = make_generator("parrot", Settings())
    assert (generator.name, generator.model) == ("parrot", "feathers")


def test_what_is_no_generator_is_refused() -> None:
    with pytest.raises(SettingsError, match="'stone' does not make a Generator"):
        make_generator("stone", Settings())


@pytest.mark.parametrize("name", ["broken", "absent", "demanding"])
def test_what_cannot_be_loaded_is_refused_by_name(name: str) -> None:
    with pytest.raises(SettingsError, match=f"The generator '{name}' cannot be loaded"):
        make_generator(name, Settings())


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        make_generator("gpt", Settings())
    for name in ("extractive", "parrot", "stone"):
        assert name in caught.value.remedy
