"""Who asks, what they may, and how much of it: keys, sign-ins on the page, and limits."""

from citydip_rag.access.addresses import is_loopback, names_us
from citydip_rag.access.gate import Access, Sent, Visitor, visitor_of
from citydip_rag.access.keys import Key, Keys, claimed_id
from citydip_rag.access.limits import Limits
from citydip_rag.access.principals import Principal, Scope
from citydip_rag.access.sessions import Sessions
from citydip_rag.access.starting import check_listening, check_state, has_state

__all__ = [
    "Access",
    "Key",
    "Keys",
    "Limits",
    "Principal",
    "Scope",
    "Sent",
    "Sessions",
    "Visitor",
    "check_listening",
    "check_state",
    "claimed_id",
    "has_state",
    "is_loopback",
    "names_us",
    "visitor_of",
]
