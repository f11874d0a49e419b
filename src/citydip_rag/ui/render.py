"""A conversation as HTML. Pure functions; everything that comes from outside is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from citydip_rag.schema import Answer, Citation, Claim, Document
from citydip_rag.ui.cards import cited_section, nearest_section, read_section
from citydip_rag.ui.examples import Examples
from citydip_rag.ui.rating import buttons
from citydip_rag.ui.words import both, keys_of
from citydip_rag.writing import Writing

_HIGH_CONFIDENCE = 0.8
_FAIR_CONFIDENCE = 0.5
_LONG_MILLISECONDS = 10_000
_LONGEST_TAIL = 24


def conversation(turns: Iterable[str]) -> str:
    """The whole conversation; the last turn is the one whose evidence is shown first.

    Args:
        turns: what `answered`, `failed` and `waiting` returned, oldest first.
    """
    shown = list(turns)
    if not shown:
        return welcome()
    articles = "".join(
        f'<article class="turn{" current" if number == len(shown) else ""}" '
        f'id="turn-{number}" tabindex="-1">{turn}</article>'
        for number, turn in enumerate(shown, start=1)
    )
    return f'<h2 class="quiet">{both("ui.conversation")}</h2><div class="turns">{articles}</div>'


def welcome(examples: Examples = ()) -> str:
    """What stands in place of a conversation that has not begun: a legend, and examples if any."""
    chips = "".join(
        f'<button type="button" class="chip l-{language}" lang="{language}" '
        f'data-ask="{escape(question)}">{escape(question)}</button>'
        for language, question in examples
    )
    offered = f'<h3 class="label">{both("ui.examples")}</h3><div class="chips">{chips}</div>'
    legend = "".join(
        f'<li><span class="sample sample-{name}" aria-hidden="true"></span>'
        f"<span>{both(f'ui.legend_{name}')}</span></li>"
        for name in ("badge", "mark", "abstained")
    )
    return (
        f'<div class="welcome"><h2>{both("ui.welcome")}</h2>'
        f"<p>{both('ui.welcome_detail')}</p>{offered if chips else ''}</div>"
        f'<aside class="panel legend"><h3 class="label">{both("ui.legend")}</h3>'
        f"<ul>{legend}</ul></aside>"
    )


def waiting(question: str) -> str:
    """A turn that has no answer yet."""
    dots = '<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>'
    return (
        f'{_asked(question)}<div class="reply reply-waiting" role="status">'
        f"{dots}{both('ui.waiting')} {_stop()}</div>"
    )


def writing(question: str, progress: Writing) -> str:
    """A turn whose answer is being written: what is checked, and after it what is not.

    Beside it stands what has been cited so far, or else what is being read.
    """
    said = " ".join(
        f'<span class="fate-{fate}">{escape(sentence)}</span>'
        for sentence, fate in progress.sentences
    )
    pending, answer = progress.pending, progress.so_far()
    cited = cited_section(question, answer, {}) if answer else ""
    passages = progress.found.passages if progress.found else ()
    beside = cited or read_section(question, passages)
    return (
        f'{_asked(question)}<div class="reply reply-waiting reply-writing">'
        f'<div class="said"><p>{said} <span class="fate-open">{escape(pending)}</span></p></div>'
        f'<p class="checking">{both("ui.checking")} {_stop()}</p></div>{beside}'
    )


def stopped(
    question: str, answer: Answer | None = None, documents: Mapping[str, Document] | None = None
) -> str:
    """A turn that its reader has stopped, and what had been checked of its answer, if anything."""
    told = (
        f'<div class="ended"><h3 class="verdict">{both("ui.stopped")}</h3>{_again(question)}</div>'
    )
    if answer is None:
        return f'{_asked(question)}<div class="reply reply-stopped">{told}</div>'
    known = documents or {}
    return (
        f'{_asked(question)}<div class="reply reply-stopped">{_text(answer, known)}'
        f'{_sentences(answer)}{told}<div class="after">{_copy(answer)}'
        f"{_show('ui.show_evidence')}</div></div>{cited_section(question, answer, known)}"
    )


def answered(question: str, answer: Answer, documents: Mapping[str, Document] | None = None) -> str:
    """A turn with its answer, or its abstention, and what stands behind it.

    Args:
        question: as it was asked.
        answer: what the engine returned.
        documents: the quoted documents by identifier, for the language of their texts.
    """
    known = documents or {}
    if answer.abstained:
        return _abstained(question, answer, known)
    return (
        f'{_asked(question)}<div class="reply reply-answer">'
        f'<h3 class="quiet">{both("ui.answered")}</h3>'
        f"{_understood(answer)}{_notice(answer)}"
        f"{_text(answer, known)}{_sentences(answer)}{_facts(answer)}"
        f'<div class="after">{_copy(answer)}{_show("ui.show_evidence")}'
        f"{buttons(answer)}</div></div>"
        f"{cited_section(question, answer, known)}"
    )


def failed(question: str, slug: str) -> str:
    """A turn that ended in an error of that kind; the reader gets words, never a trace."""
    key = f"failure.{slug}"
    key = key if key in keys_of("failure") else "failure.general"
    return (
        f'{_asked(question)}<div class="reply reply-failed" role="alert">'
        f'<h3 class="verdict">{both("ui.failed")}</h3><p>{both(key)}</p>'
        f"{_again(question)}</div>"
    )


def _abstained(question: str, answer: Answer, documents: Mapping[str, Document]) -> str:
    return (
        f'{_asked(question)}<div class="reply reply-abstained">'
        f'<h3 class="verdict">{both("ui.abstained")}</h3>'
        f"{_understood(answer)}{_notice(answer)}"
        f'<div class="said" lang="{answer.language}"><p>{escape(answer.answer)}</p></div>'
        f"{_sentences(answer)}{_facts(answer)}"
        f"{_show('ui.show_nearest') if answer.passages else ''}{buttons(answer)}</div>"
        f"{nearest_section(question, answer, documents)}"
    )


def _asked(question: str) -> str:
    return (
        f'<div class="asked"><h3 class="quiet">{both("ui.you_asked")}</h3>'
        f"<p>{escape(question)}</p></div>"
    )


def _stop() -> str:
    return f'<button type="button" class="quiet-button stop">{both("ui.stop")}</button>'


def _again(question: str) -> str:
    return (
        f'<button type="button" class="quiet-button" data-ask="{escape(question)}">'
        f"{both('ui.ask_again')}</button>"
    )


def _understood(answer: Answer) -> str:
    """How a follow-up was understood."""
    if not answer.standalone:
        return ""
    return (
        f'<p class="understood">{both("ui.understood")} '
        f'<q lang="{answer.language}">{escape(answer.standalone)}</q></p>'
    )


def _notice(answer: Answer) -> str:
    """What a reader should know of how the answer came about."""
    if not answer.notice:
        return ""
    return f'<p class="remark" lang="{answer.language}">{escape(answer.notice)}</p>'


def _text(answer: Answer, documents: Mapping[str, Document]) -> str:
    """What is said, paragraph by paragraph, with a badge where a quotation stands behind it."""
    paragraphs = "".join(
        f"<p>{_with_badges(line, answer, documents)}</p>"
        for line in answer.answer.splitlines()
        if line.strip()
    )
    return f'<div class="said" lang="{answer.language}">{paragraphs}</div>'


def _sentences(answer: Answer) -> str:
    """How each sentence of a language model fared, closed; quotations need no such list."""
    claims = (*answer.discarded, *answer.claims)
    doubtful = sum(not claim.supported for claim in claims)
    if not doubtful and all(claim.support == 1 for claim in claims):
        return ""
    key = "ui.not_backed" if doubtful else "ui.all_backed"
    items = "".join(map(_sentence, claims))
    return (
        f'<details class="sentences"><summary>{both(key, count=doubtful)}</summary>'
        f'<ul lang="{answer.language}">{items}</ul></details>'
    )


def _sentence(claim: Claim) -> str:
    """One sentence: how far the documents bear it out, and why not."""
    fate = "backed" if claim.supported else "doubtful"
    percent = math.floor(100 * claim.support)
    return (
        f'<li class="sentence-{fate}"><p>{escape(claim.text)}</p>'
        f'<p class="support"><meter min="0" max="100" low="50" high="50" optimum="100" '
        f'value="{percent}" aria-hidden="true"></meter>{both("ui.support", percent=percent)}</p>'
        + "".join(f'<p class="reason">{escape(reason)}</p>' for reason in claim.reasons)
        + "</li>"
    )


def _copy(answer: Answer) -> str:
    """The button that copies an answer with what a reader should know of it and its quotations."""
    sources = "\n".join(f"[{c.number}] {c.place}: “{c.quote}”" for c in answer.citations)
    parts = "\n\n".join(filter(None, (answer.answer, answer.notice, sources)))
    return (
        f'<button type="button" class="quiet-button copy" '
        f'data-copy="{escape(parts)}">{both("ui.copy")}</button>'
    )


def _show(key: str) -> str:
    """The button that brings an older turn's passages back beside the conversation."""
    return f'<button type="button" class="quiet-button show-evidence">{both(key)}</button>'


def _with_badges(line: str, answer: Answer, documents: Mapping[str, Document]) -> str:
    """One paragraph, the markers behind its claims turned into badges.

    Only those markers are: a bracketed number inside a quotation is the document's own.
    """
    cited = {citation.number: citation for citation in answer.citations}
    pieces = []
    rest = line
    for claim in answer.claims:
        numbers = [number for number in claim.citations if number in cited]
        marked = claim.text + "".join(f" [{number}]" for number in numbers)
        before, found, after = rest.partition(marked)
        if not (numbers and found):
            continue
        rest = after
        pieces += [
            escape(before),
            _said(claim.text, [cited[n] for n in numbers], answer, documents),
        ]
    return "".join(pieces) + escape(rest)


def _said(
    claim: str,
    citations: Sequence[Citation],
    answer: Answer,
    documents: Mapping[str, Document],
) -> str:
    """A claim with its badges, which never begin a line; in another language it says which."""
    words, space, last = claim.rpartition(" ")
    badges = "".join(_badge(citation.number) for citation in citations)
    together = ' class="tail"' if len(last) <= _LONGEST_TAIL else ""  # else wider than a phone
    marked = f"{escape(words)}{space}<span{together}>{escape(last)} {badges}</span>"
    document = documents.get(citations[0].document_id)
    if document is None or document.language == answer.language:
        return marked
    return f'<span lang="{escape(document.language)}">{marked}</span>'


def _badge(number: int) -> str:
    return (
        f'<button type="button" class="badge" data-number="{number}">'
        f'<span class="quiet">{both("ui.citation", number=number)}</span>'
        f'<span aria-hidden="true">{number}</span></button>'
    )


def _facts(answer: Answer) -> str:
    """The quiet line: language, how it was made, how sure, how long it took."""
    facts = [both(f"language.{answer.language}"), _by(answer.generator)]
    if answer.claims:
        supported = sum(claim.supported for claim in answer.claims)
        facts.append(both("ui.backed", supported=supported, total=len(answer.claims)))
    if not answer.abstained:
        facts.append(both(f"ui.confidence_{_confidence(answer.confidence)}"))
    taken = round(_total(answer.timings_ms))
    long = taken >= _LONG_MILLISECONDS
    facts.append(
        both("ui.seconds", count=round(taken / 1000))
        if long
        else both("ui.milliseconds", count=taken)
    )
    return '<ul class="facts">' + "".join(f"<li>{fact}</li>" for fact in facts) + "</ul>"


def _by(generator: str) -> str:
    key = f"ui.by_{generator}"
    return both(key) if key in keys_of("ui") else escape(generator)


def _confidence(probability: float) -> str:
    if probability >= _HIGH_CONFIDENCE:
        return "high"
    return "fair" if probability >= _FAIR_CONFIDENCE else "low"


def _total(timings_ms: Mapping[str, float]) -> float:
    return timings_ms.get("total", sum(timings_ms.values()))
