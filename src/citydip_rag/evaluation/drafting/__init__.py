"""`citydip eval init`: questions drafted from the documents by rules, for a person to review."""

from citydip_rag.evaluation.drafting.draft import draft_questions

__all__ = ["draft_questions"]
