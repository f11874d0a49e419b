"""Rating an answer: two buttons below it, and one dialog that asks what is wrong.

The script sends a rating to the HTTP API; what it says stands here already, in both languages. The
dialog is outside the conversation, which is drawn anew whenever something is asked.
"""

from __future__ import annotations

from html import escape

from citydip_rag.feedback import MAX_COMMENT_CHARACTERS, Rating, Reason
from citydip_rag.schema import Answer
from citydip_rag.ui.words import both

_SAYINGS = ("kept", "explained", "taken_back", "not_kept", "expired", "refused")


def buttons(answer: Answer) -> str:
    """The two buttons of an answer or abstention; none where it cannot be rated."""
    if not answer.receipt:
        return ""
    kind = "abstention" if answer.abstained else "answer"
    made = "".join(
        f'<button type="button" class="rate rate-{rating}" data-rate="{rating}" '
        f'aria-pressed="false"><span class="quiet">{both(f"rating.{rating}_{kind}")}</span>'
        "</button>"
        for rating in Rating
    )
    return (
        f'<div class="rating" data-receipt="{escape(answer.receipt)}" data-kind="{kind}">'
        f'{made}<p class="rated"></p></div>'
    )


def panel() -> str:
    """The dialog, closed, and what the script says of a rating."""
    sayings = "".join(
        f'<span data-saying="{key}">{both(f"rating.{key}")}</span>' for key in _SAYINGS
    )
    return (
        '<dialog id="why" aria-labelledby="why-title"><form>'
        f'<h2 id="why-title">{both("rating.why")}</h2>'
        f'<div class="reasons">{"".join(map(_reason, Reason))}</div>'
        f'<label for="why-comment">{both("rating.comment")}</label>'
        f'<textarea id="why-comment" rows="2" maxlength="{MAX_COMMENT_CHARACTERS}"></textarea>'
        f'<p class="note">{both("rating.note")}</p>'
        f'<div class="why-end"><button type="button" class="quiet-button leave">'
        f'{both("rating.leave")}</button><button class="quiet-button send">'
        f"{both('rating.send')}</button></div></form></dialog>"
        f'<div class="sayings" hidden>{sayings}</div>'
    )


def _reason(reason: Reason) -> str:
    """A reason to choose; of a declined question only one, of an answer all others."""
    of = "abstention" if reason is Reason.SHOULD_HAVE_ANSWERED else "answer"
    return (
        f'<label class="reason of-{of}"><input type="checkbox" name="reason" value="{reason}">'
        f"<span>{both(f'rating.{reason}')}</span></label>"
    )
