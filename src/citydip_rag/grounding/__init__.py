"""An answer becomes checked claims, or an abstention."""

from citydip_rag.grounding.abstention import Calibration
from citydip_rag.grounding.base import Support, Verifier
from citydip_rag.grounding.claims import Grounded, ground
from citydip_rag.grounding.features import FEATURES, features
from citydip_rag.grounding.verbatim import VerbatimVerifier

__all__ = [
    "FEATURES",
    "Calibration",
    "Grounded",
    "Support",
    "VerbatimVerifier",
    "Verifier",
    "features",
    "ground",
]
