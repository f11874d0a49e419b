"""Numbers as Indonesian and English write them, in digits and in words, with their units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from citydip_rag.grounding.lexicon import lexicon
from citydip_rag.grounding.words import Word

_DIGITS: Final = re.compile(r"[0-9]+(?:[.,:][0-9]+)*")
_ORDINAL: Final = re.compile(r"(?:ke-?)?([0-9]+)(?:st|nd|rd|th|an|s|-an)?")
_NUMBERED: Final = re.compile(r"ke-?[0-9]")
_ROMAN: Final = re.compile(
    r"(?:ke-)?(M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"
)
_ROMAN_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_SIGNS: Final = frozenset("%°$€£¥")
_SMALL: Final = 12
"""Number words up to here are often a count of what the text lists, and "one" an article."""
_GROUP: Final = 1000
_HUNDRED: Final = 100
_TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a text.

    Attributes:
        words: `[first, last]` of its words.
        text: as written.
        values: what it may mean: "1.500" is 1500 in Indonesian and 1.5 in English.
        unit: (factor, base unit), or None.
        kind: `digits`, `word`, `count` (a small number in a word), `ordinal` or `about`
            ("hundreds").
    """

    words: tuple[int, int]
    text: str
    values: frozenset[float]
    unit: tuple[float, str] | None
    kind: str

    def borne_out_by(self, other: Number) -> bool:
        """Whether another text's number says this; "120" is "hundreds", not the reverse."""
        if self.kind == "about" and other.kind != "about":
            return any(v <= n < 10 * v for v in self.values for n in other.values)
        if self.kind != "about" and other.kind == "about":
            return False
        return _same(self.values, other.values) or self.converts_to(other)

    def converts_to(self, other: Number) -> bool:
        """Whether both are the same quantity, in whatever unit."""
        if self.unit is None or other.unit is None or self.unit[1] != other.unit[1]:
            return False
        return _same(
            {value * self.unit[0] for value in self.values},
            {value * other.unit[0] for value in other.values},
        )


def numbers_of(words: Sequence[Word]) -> list[Number]:
    """All numbers, in reading order."""
    found: list[Number] = []
    place = 0
    while place < len(words):
        number = _number_at(words, place)
        if number is None:
            place += 1
            continue
        found.append(number)
        place = number.words[1] + 1
    return found


def _number_at(words: Sequence[Word], place: int) -> Number | None:
    known = lexicon()
    key = words[place].key
    if key in known.approximate:
        return _made(words, place, place, {known.approximate[key]}, "about")
    if key in known.ordinals and not _second_as_unit(words, place):
        return _made(words, place, place, {known.ordinals[key]}, "ordinal")
    if key[0].isdigit() or _NUMBERED.match(key):
        return _from_digits(words, place)
    if _spelt(key) or (key in known.scales and place and words[place - 1].key == "a"):
        return _from_words(words, place)
    roman = _ROMAN.fullmatch(words[place].text)
    if roman and len(roman.group(1)) > 1:
        return _made(words, place, place, {_roman(roman.group(1))}, "digits")
    return None


def _second_as_unit(words: Sequence[Word], place: int) -> bool:
    return words[place].key == "second" and place > 0 and words[place - 1].key[0].isdigit()


def _from_digits(words: Sequence[Word], place: int) -> Number | None:
    text = words[place].key
    ordinal = _ORDINAL.fullmatch(text)
    if ordinal:
        values = {float(ordinal.group(1))}
    elif _DIGITS.fullmatch(text):
        values = interpretations(text)
    else:  # "covid-19", "2-0", "7pm"
        values = {float(part) for part in re.findall(r"[0-9]+", text)}
    last = place
    scales = lexicon().scales
    while last + 1 < len(words) and words[last + 1].key in scales:
        last += 1
        values = {value * scales[words[last].key] for value in values}
    return _made(words, place, last, values, "digits") if values else None


def interpretations(digits: str) -> set[float]:
    """What a number with separators may mean in the two languages."""
    parts = re.split(r"[.,:]", digits)
    separators = re.findall(r"[.,:]", digits)
    if not separators:
        return {float(digits)}
    thousands = all(len(part) == 3 for part in parts[1:]) and len(parts[0]) <= 3
    meanings: set[float] = set()
    if len(set(separators)) == 1 and ":" not in separators and thousands and parts[0] != "0":
        meanings.add(float("".join(parts)))
    if len(separators) == 1 or (len(set(separators)) > 1 and separators[-1] not in separators[:-1]):
        meanings.add(float("".join(parts[:-1]) + "." + parts[-1]))
    return meanings or {float(part) for part in parts}


def _spelt(key: str) -> float | None:
    """The value of a number word; "twenty-five" is one."""
    parts = [lexicon().numbers.get(part) for part in key.split("-")]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _from_words(words: Sequence[Word], place: int) -> Number:
    scales = lexicon().scales
    total = group = pending = 0.0
    last = place - 1
    while last + 1 < len(words) and (last < place or words[last + 1].clause == words[place].clause):
        key = words[last + 1].key
        spelt, scale = _spelt(key), scales.get(key)
        if spelt is not None:
            total += spelt if spelt >= _GROUP else 0  # "seribu" and "seratus" have theirs in them
            group += spelt if _HUNDRED <= spelt < _GROUP else 0
            pending += spelt if spelt < _HUNDRED else 0
        elif key == "belas":
            pending += 10
        elif scale is None:
            break
        elif scale < _GROUP:
            group, pending = group + max(pending, 1) * scale, 0.0
        else:
            total, group, pending = total + max(group + pending, 1) * scale, 0.0, 0.0
        last += 1
    value = total + group + pending
    return _made(words, place, last, {value}, "word" if value > _SMALL else "count")


def _made(words: Sequence[Word], first: int, last: int, values: set[float], kind: str) -> Number:
    text = " ".join(word.text for word in words[first : last + 1])
    return Number((first, last), text, frozenset(values), _unit(words, first, last), kind)


def _unit(words: Sequence[Word], first: int, last: int) -> tuple[float, str] | None:
    """The unit behind the number, or a currency before it."""
    units = lexicon().units
    after = words[last + 1] if last + 1 < len(words) else None
    if after is not None and after.key in units and _touches(words, last):
        return units[after.key]
    before = words[first - 1].key if first else ""
    if before in {"rp", "idr", "usd", "eur", "gbp", "jpy"} or before in _SIGNS - {"%", "°"}:
        return units[before]
    return None


def _touches(words: Sequence[Word], last: int) -> bool:
    return words[last + 1].clause == words[last].clause


def _same(some: set[float] | frozenset[float], others: set[float] | frozenset[float]) -> bool:
    return any(abs(a - b) <= _TOLERANCE * max(1.0, abs(a)) for a in some for b in others)


def _roman(text: str) -> float:
    values = [_ROMAN_VALUES[letter] for letter in text]
    return float(
        sum(-v if v < max(values[i + 1 :], default=0) else v for i, v in enumerate(values))
    )
