"""A suite's report as a page, as markdown, as JUnit XML: texts, written when all is known."""

from citydip_rag.evaluation.reports.comparison import comparison_json, comparison_markdown
from citydip_rag.evaluation.reports.html import html_report
from citydip_rag.evaluation.reports.junit import junit_report
from citydip_rag.evaluation.reports.markdown import markdown_report
from citydip_rag.evaluation.reports.writing import check_writable, write_all

__all__ = [
    "check_writable",
    "comparison_json",
    "comparison_markdown",
    "html_report",
    "junit_report",
    "markdown_report",
    "write_all",
]
