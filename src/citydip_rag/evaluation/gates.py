"""Gates: the figures below which a change must not land."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from citydip_rag.errors import EvaluationError

Bound = Literal["at_least", "at_most"]


@dataclass(frozen=True, slots=True)
class Gate:
    """One bound on one metric."""

    metric: str
    bound: Bound
    value: float

    def holds(self, measured: float) -> bool:
        """Whether a measured figure passes."""
        return measured >= self.value if self.bound == "at_least" else measured <= self.value

    def __str__(self) -> str:
        """As written in the report."""
        return f"{self.metric} {'>=' if self.bound == 'at_least' else '<='} {self.value:g}"


def load_gates(path: Path) -> list[Gate]:
    """Read a gates file: a table `[at_least]` and a table `[at_most]`, metric = value.

    Raises:
        EvaluationError: the file is missing or malformed.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EvaluationError(f"The gates file {path.name} cannot be read: {error}.") from error
    gates: list[Gate] = []
    for bound in content.keys() - set(get_args(Bound)):
        raise EvaluationError(
            f"{path.name}: {bound!r} is no kind of gate.", "Use [at_least] and [at_most]."
        )
    for bound in get_args(Bound):
        table = content.get(bound, {})
        if not isinstance(table, dict):
            raise EvaluationError(f"{path.name}: {bound} is not a table.", f"Write [{bound}].")
        for metric, value in table.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
                raise EvaluationError(f"{path.name}: the gate {metric!r} is not a number.")
            gates.append(Gate(metric, bound, float(value)))
    if not gates:
        raise EvaluationError(f"{path.name} holds no gates.")
    return gates


def failed_gates(gates: Sequence[Gate], metrics: Mapping[str, float]) -> list[tuple[Gate, float]]:
    """Gates that do not hold, with what was measured.

    Raises:
        EvaluationError: a gate names a metric that was not measured.
    """
    unknown = [gate.metric for gate in gates if gate.metric not in metrics]
    if unknown:
        raise EvaluationError(
            f"There is no metric {unknown[0]!r}.", f"Known: {', '.join(sorted(metrics))}."
        )
    return [(gate, metrics[gate.metric]) for gate in gates if not gate.holds(metrics[gate.metric])]
