"""The closed word classes of `lexicon.toml`, ready for look-up."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Phrases = Mapping[tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words of both languages by what they do in a sentence.

    Attributes:
        negation, denial: what negates; verbs that negate what they govern.
        lifted: what takes a negation before it away ("not only").
        quantifiers, modality: word to its class.
        relations, links, rates: phrase, as its words, to its class.
        exclusives: word to its kinds, each with which of that kind it is.
        months: word to 1–12, and for weekdays 21–27.
        numbers, ordinals, scales, approximate: word to value.
        units: word to (factor, base unit).
        sides: word to its opposites' names, each with the side it is on.
        places: countries and cities.
        names: word to the numbers of the groups of names it belongs to.
    """

    negation: frozenset[str]
    denial: frozenset[str]
    lifted: frozenset[str]
    quantifiers: Mapping[str, str]
    modality: Mapping[str, str]
    relations: Phrases
    links: Phrases
    rates: Phrases
    exclusives: Mapping[str, tuple[tuple[str, int], ...]]
    months: Mapping[str, int]
    numbers: Mapping[str, float]
    ordinals: Mapping[str, float]
    scales: Mapping[str, float]
    approximate: Mapping[str, float]
    units: Mapping[str, tuple[float, str]]
    sides: Mapping[str, tuple[tuple[str, int], ...]]
    places: frozenset[str]
    names: Mapping[str, frozenset[int]]


@cache
def lexicon() -> Lexicon:
    """The shipped word classes."""
    source = files("citydip_rag.grounding").joinpath("lexicon.toml")
    content = tomllib.loads(source.read_text(encoding="utf-8"))
    return Lexicon(
        negation=frozenset(content["negation"]["words"].split()),
        denial=frozenset(content["denial"]["words"].split()),
        lifted=frozenset(content["negation"]["lifted"].split()),
        quantifiers=_inverted(content["quantifier"]),
        modality=_inverted(content["modality"]),
        relations=_phrases(content["relation"]),
        links=_phrases(content["link"]),
        rates=_phrases(content["rate"]),
        exclusives=_sides(content["exclusive"]),
        months={word: int(name) for word, name in _inverted(content["month"]).items()},
        numbers=_values(content["number"]),
        ordinals=_values(content["ordinal"]),
        scales=_values(content["scale"]),
        approximate=_values(content["approximate"]),
        units={
            word: (float(name.split()[0]), name.split()[1])
            for word, name in _inverted(content["unit"]).items()
        },
        sides=_sides(content["opposites"]),
        places=frozenset(content["names"]["places"].split()),
        names=_groups(content["names"]["places"] + content["names"]["groups"]),
    )


def _inverted(section: Mapping[str, Any]) -> dict[str, str]:
    return {word: name for name, words in section.items() for word in words.split()}


def _phrases(section: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.split()): name for name, some in section.items() for phrase in some}


def _values(section: Mapping[str, Any]) -> dict[str, float]:
    return {word: float(name) for word, name in _inverted(section).items()}


def _sides(section: Mapping[str, Any]) -> dict[str, tuple[tuple[str, int], ...]]:
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for name, pair in section.items():
        for side, words in enumerate(pair):
            for word in words.split():
                found[word] = (*found.get(word, ()), (name, side))
    return found


def _groups(lines: str) -> dict[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = {}
    for number, line in enumerate(lines.split("\n")):
        for word in line.split():
            found[word] = found.get(word, frozenset()) | {number}
    return found
