"""Datasets, metrics, reports, gates."""

from citydip_rag.evaluation.bounds import Gate
from citydip_rag.evaluation.comparing import compare
from citydip_rag.evaluation.consistency import load_report
from citydip_rag.evaluation.gates import Gates, load_gates
from citydip_rag.evaluation.qa import evaluate_qa
from citydip_rag.evaluation.report import Report
from citydip_rag.evaluation.results import SuiteReport
from citydip_rag.evaluation.retrieval import evaluate_retrieval
from citydip_rag.evaluation.suite import evaluate_suite

__all__ = [
    "Gate",
    "Gates",
    "Report",
    "SuiteReport",
    "compare",
    "evaluate_qa",
    "evaluate_retrieval",
    "evaluate_suite",
    "load_gates",
    "load_report",
]
