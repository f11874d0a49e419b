"""JUnit XML, which every CI system reads: a test case for each gate and for each question."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

from citydip_rag.evaluation.outcome import Outcome
from citydip_rag.evaluation.results import Broken, SuiteReport

_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(report: SuiteReport) -> str:
    """Gates pass or fail. A question that is not right is skipped: gates decide, not questions."""
    root = ET.Element("testsuites", name="citydip eval suite")
    gates = ET.SubElement(root, "testsuite", name="gates")
    broken = {gate.gate: gate for gate in report.broken}
    for name in report.gates:
        case = ET.SubElement(gates, "testcase", classname="gates", name=_clean(name))
        if name in broken:
            _fail(case, broken[name], report)
    _count(gates, failures=len(gates.findall("testcase/failure")))
    questions = ET.SubElement(root, "testsuite", name="questions")
    for outcome in report.questions:
        _question(questions, outcome)
    _count(questions, skipped=len(report.wrong))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _fail(case: ET.Element, broken: Broken, report: SuiteReport) -> None:
    failure = ET.SubElement(case, "failure", type=broken.metric, message=_clean(broken.why))
    failure.text = _clean(
        "\n".join(f"{name}: {report.by_name[name].question}" for name in broken.worst)
    )


def _question(suite: ET.Element, outcome: Outcome) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(outcome.file),
        name=_clean(f"{outcome.id}: {outcome.question}"),
        time=f"{outcome.latency_ms / 1000:.3f}",
    )
    if not outcome.right:
        ET.SubElement(case, "skipped", message=_clean(outcome.verdict))
        said = ET.SubElement(case, "system-out")
        wanted = [f"evidence: {quotation.text}" for quotation in outcome.gold]
        cited = [f"cited: {citation.text}" for citation in outcome.citations]
        said.text = _clean("\n".join([*wanted, *cited]))


def _count(suite: ET.Element, failures: int = 0, skipped: int = 0) -> None:
    cases = suite.findall("testcase")
    seconds = sum(float(case.get("time", "0")) for case in cases)
    counts = {"tests": len(cases), "failures": failures, "errors": 0, "skipped": skipped}
    for name, value in counts.items():
        suite.set(name, str(value))
    suite.set("time", f"{seconds:.3f}")


def _clean(text: str) -> str:
    """Without the characters that no XML may hold."""
    return _NO_XML.sub("�", text)
