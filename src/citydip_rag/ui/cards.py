"""Evidence cards as HTML: the passage, the marked quotations, where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from citydip_rag.schema import Answer, Citation, Document, Language, PassageHit
from citydip_rag.texts import text
from citydip_rag.ui.evidence import Card, cited_cards, nearest_cards, read_cards, segments
from citydip_rag.ui.words import both

_EXCERPT_CHARACTERS = 140
_NAME_CHARACTERS = 80


def cited_section(question: str, answer: Answer, documents: Mapping[str, Document]) -> str:
    """The evidence of an answer: one card per quoted passage."""
    cards = "".join(_cited(card) for card in cited_cards(answer, documents))
    return _section("ui.evidence", question, cards) if cards else ""


def read_section(question: str, passages: Sequence[PassageHit]) -> str:
    """What an answer that is being written is written from: closed cards, nothing marked yet."""
    cards = "".join(map(_reading, read_cards(passages)))
    return _section("ui.reading", question, cards) if cards else ""


def nearest_section(question: str, answer: Answer, documents: Mapping[str, Document]) -> str:
    """The reading offered with an abstention: closed cards, nothing marked."""
    cards = "".join(_reading(card) for card in nearest_cards(answer, documents))
    note = f'<p class="note">{both("ui.nearest_note")}</p>'
    return _section("ui.nearest", question, note + cards) if cards else ""


def tagged(tag: str, words: str, language: str) -> str:
    """Escaped words in an element that says their language, where it is known."""
    attribute = f' lang="{escape(language)}"' if language else ""
    return f"<{tag}{attribute}>{escape(words)}</{tag}>"


def _section(title: str, question: str, content: str) -> str:
    return (
        f'<section class="panel evidence"><h3 class="label">{both(title)}</h3>'
        f'<p class="evidence-for"><span class="quiet">{both("ui.evidence_for")} </span>'
        f"{escape(question)}</p>{content}</section>"
    )


def _cited(card: Card) -> str:
    numbers = "".join(
        f'<button type="button" class="number" data-number="{citation.number}">'
        f'<span class="quiet">{both("ui.back", number=citation.number)}</span>'
        f'<span aria-hidden="true">{citation.number}</span></button>'
        for citation in card.citations
    )
    return (
        f'<article class="card"><header><div class="numbers">{numbers}</div>'
        f"{_place(card)}</header>{_quoted(card)}</article>"
    )


def _reading(card: Card) -> str:
    """A closed card: its first words, and on opening the whole passage."""
    words = " ".join(card.text.split())
    excerpt = words if len(words) <= _EXCERPT_CHARACTERS else _shortened(words)
    return (
        f'<details class="card card-reading"><summary><div class="place">{_place(card)}</div>'
        f"{tagged('p', excerpt, card.language)}</summary>"
        f"<blockquote>{tagged('p', card.text, card.language)}</blockquote></details>"
    )


def _shortened(words: str) -> str:
    return words[:_EXCERPT_CHARACTERS].rsplit(" ", 1)[0] + "…"


def _place(card: Card) -> str:
    """Where the passage stands: title, headings, file, page, characters."""
    language = f' lang="{escape(card.language)}"' if card.language else ""
    heading = _clipped("p", card.heading, f'class="heading"{language}') if card.heading else ""
    where = [_file(card.source)]
    if exact := dict.fromkeys(filter(None, (_cited_place(one, card) for one in card.citations))):
        where += exact
    elif card.page is not None:
        where.append(both("ui.page", page=card.page))
    where += _positions(card)
    return (
        f'<div>{_clipped("h4", card.title, language)}{heading}<ul class="where">'
        + "".join(f"<li>{item}</li>" for item in where)
        + "</ul></div>"
    )


def _cited_place(citation: Citation, card: Card) -> str:
    """Where a quotation stands, its page named in the page's language and not in the question's."""
    place, page = citation.place, ""
    for language in Language:
        named = f", {text(language, 'citation.page', number=citation.page)}"
        if citation.page is not None and place.endswith(named):
            place = place.removesuffix(named)
            page = both("citation.page", number=citation.page)
    if place in {"", card.title}:
        return page
    spoken = f' lang="{escape(card.language)}"' if card.language else ""
    return f'<span class="cited"{spoken}>{escape(place)}</span>' + (f", {page}" if page else "")


def _clipped(tag: str, words: str, attributes: str) -> str:
    """Words that the style sheet may cut short; pointing at them shows them whole."""
    named = f'{attributes} title="{escape(words)}"'.strip()
    return f"<{tag} {named}>{escape(words)}</{tag}>"


def _file(source: str) -> str:
    """A file's name; of a very long one the middle is left out, for its ending says most."""
    shown = source if len(source) <= _NAME_CHARACTERS else f"{source[:40]}…{source[-30:]}"
    return f'<span class="source" title="{escape(source)}">{escape(shown)}</span>'


def _positions(card: Card) -> list[str]:
    """The characters of each quotation, told apart by number where there are several."""
    match card.citations:
        case ():
            return [both("ui.characters", start=card.start, end=card.end)]
        case (only,):
            return [both("ui.characters", start=only.start, end=only.end)]
        case several:
            return [
                both("ui.numbered_characters", number=one.number, start=one.start, end=one.end)
                for one in several
            ]


def _quoted(card: Card) -> str:
    """The passage with its quotations marked; the mark holds the exact quote and no more."""
    language = f' lang="{escape(card.language)}"' if card.language else ""
    pieces = []
    placed: set[int] = set()
    for segment in segments(card):
        words = escape(segment.text)
        if segment.numbers:
            numbers = " ".join(map(str, segment.numbers))
            new = " ".join(str(number) for number in segment.numbers if number not in placed)
            placed.update(segment.numbers)
            words = (
                f'<mark tabindex="-1" data-numbers="{numbers}" data-label="{new}">{words}</mark>'
            )
        pieces.append(words)
    return f"<blockquote><p{language}>{''.join(pieces)}</p></blockquote>"
