"""`citydip eval init`: questions drafted from the documents by rules, for a person to review."""

from citydip_rag.evaluation.drafting.draft import draft_questions, drafted
from citydip_rag.evaluation.drafting.shares import Drafts

__all__ = ["Drafts", "draft_questions", "drafted"]
