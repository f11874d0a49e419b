"""What an evaluation found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from citydip_rag.evaluation.reports.writing import write_all


class Report(BaseModel):
    """Figures of one evaluation.

    Attributes:
        name: of the evaluation.
        metrics: by name.
        n: number of questions.
        settings: what the figures depend on.
        rows: one entry a question, for the reader who wants to see which failed.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    metrics: dict[str, float]
    n: int
    settings: dict[str, Any]
    rows: tuple[dict[str, Any], ...] = ()

    def write(self, path: Path) -> None:
        """Write as JSON, whole or not at all.

        Raises:
            EvaluationError: it cannot be written.
        """
        content = {"metrics": self.metrics, "n": self.n, "settings": self.settings}
        if self.rows:
            content["questions"] = list(self.rows)
        write_all({path: json.dumps(content, indent=2, ensure_ascii=False) + "\n"})
