"""A question becomes ranked passages."""

from citydip_rag.retrieval.alignment import TokenAlignmentReranker
from citydip_rag.retrieval.base import Candidate, FirstStage, Query, Reranker
from citydip_rag.retrieval.first_stage import DenseStage, HybridStage, LexicalStage
from citydip_rag.retrieval.retriever import Retriever

__all__ = [
    "Candidate",
    "DenseStage",
    "FirstStage",
    "HybridStage",
    "LexicalStage",
    "Query",
    "Reranker",
    "Retriever",
    "TokenAlignmentReranker",
]
