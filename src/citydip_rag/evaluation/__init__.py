"""Datasets, metrics, reports, gates."""

from citydip_rag.evaluation.gates import Gate, failed_gates, load_gates
from citydip_rag.evaluation.qa import evaluate_qa
from citydip_rag.evaluation.report import Report
from citydip_rag.evaluation.retrieval import evaluate_retrieval
from citydip_rag.evaluation.suite import evaluate_suite

__all__ = [
    "Gate",
    "Report",
    "evaluate_qa",
    "evaluate_retrieval",
    "evaluate_suite",
    "failed_gates",
    "load_gates",
]
