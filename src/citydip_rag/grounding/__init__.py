"""An answer becomes checked claims, or an abstention."""

from citydip_rag.grounding.abstention import Calibration
from citydip_rag.grounding.alignment import AlignmentVerifier
from citydip_rag.grounding.base import Support, Verifier
from citydip_rag.grounding.claims import Checker, Finding
from citydip_rag.grounding.features import FEATURES, features
from citydip_rag.grounding.reasons import Reason, say
from citydip_rag.grounding.sentences import ProseSplitter, QuotationSplitter, Sentence
from citydip_rag.grounding.support import SupportModel
from citydip_rag.grounding.verbatim import VerbatimVerifier

__all__ = [
    "FEATURES",
    "AlignmentVerifier",
    "Calibration",
    "Checker",
    "Finding",
    "ProseSplitter",
    "QuotationSplitter",
    "Reason",
    "Sentence",
    "Support",
    "SupportModel",
    "VerbatimVerifier",
    "Verifier",
    "features",
    "say",
]
