"""What readers think of the answers, and what was asked: kept, forgotten in time, given back."""

from citydip_rag.feedback.desk import Desk
from citydip_rag.feedback.nouns import MAX_COMMENT_CHARACTERS, Asked, Rated, Rating, Reason
from citydip_rag.feedback.receipts import MAX_RECEIPT_CHARACTERS, today
from citydip_rag.feedback.store import Store

__all__ = [
    "MAX_COMMENT_CHARACTERS",
    "MAX_RECEIPT_CHARACTERS",
    "Asked",
    "Desk",
    "Rated",
    "Rating",
    "Reason",
    "Store",
    "today",
]
