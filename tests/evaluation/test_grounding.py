"""Judging claims: the file format, the splits, the figures, the calibration, the commands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from citydip_rag.cli.main import app
from citydip_rag.embedding import SentenceTransformersEmbedder
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.datasets import NliPair, load_nli
from citydip_rag.evaluation.grounding import chosen, evaluate_grounding, half_of, verifier_over
from citydip_rag.evaluation.statistics import auc, balanced_accuracy, best_threshold, bootstrap
from citydip_rag.evaluation.support import fit_support, pairs_from
from citydip_rag.grounding import SupportModel

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = ROOT / "eval" / "claims" / "diplomasi-kota.dev.jsonl"


def made(count: int) -> list[NliPair]:
    """Premises of which one claim follows and one does not."""
    pairs = []
    for number in range(count):
        premise = f"Kota {number} bekerja sama dengan {number + 2} kota lain. Iklim berubah."
        says = f"Kota {number} bekerja sama dengan kota lain."
        pairs.append(NliPair(premise=premise, hypothesis=says, label="entailment"))
        other = f"Kota {number} tidak bekerja sama dengan {number + 900} negara."
        pairs.append(NliPair(premise=premise, hypothesis=other, label="contradiction"))
    return pairs


def written(path: Path, pairs: list[NliPair]) -> Path:
    path.write_text("\n".join(pair.model_dump_json() for pair in pairs), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: not valid JSON"),
        ("[]", "line 2: not a JSON object"),
        ('{"premise": "a", "hypothesis": "b"}', "line 2: label"),
        ('{"premise": "a", "hypothesis": "b", "label": "maybe"}', "line 2: label"),
        ('{"premise": " ", "hypothesis": "b", "label": "neutral"}', "line 2: premise"),
        ('{"premise": "a", "hypothesis": 3, "label": "neutral"}', "line 2: hypothesis"),
    ],
)
def test_malformed_lines_are_named(tmp_path: Path, line: str, said: str) -> None:
    good = '{"premise": "a", "hypothesis": "b", "label": "neutral", "source": "x"}'
    path = tmp_path / "n.jsonl"
    path.write_text(f"{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match=said):
        load_nli(path)
    result = CliRunner().invoke(app, ["eval", "grounding", str(path)])
    assert isinstance(result.exception, EvaluationError)
    assert "n.jsonl" in str(result.exception)


def test_an_empty_file_and_an_empty_split(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="holds no pairs"):
        load_nli(path)
    tune = [pair for pair in made(20) if half_of(pair.premise) == "tune"]
    with pytest.raises(EvaluationError, match="split test"):
        chosen(tune, "test")


def test_the_halves_share_no_premise() -> None:
    pairs = made(60)
    tune, test = chosen(pairs, "tune"), chosen(pairs, "test")
    assert len(tune) + len(test) == len(chosen(pairs, "all")) == 120
    assert {p.premise for p in tune}.isdisjoint(p.premise for p in test)
    assert 30 < len(tune) < 90


def test_sums() -> None:
    labels = np.array([True, True, False, False])
    assert auc(labels, np.array([0.9, 0.8, 0.2, 0.1])) == 1
    assert auc(labels, np.array([0.9, 0.1, 0.9, 0.1])) == 0.5
    assert auc(labels[:2], np.array([0.9, 0.1])) == 0.5
    assert balanced_accuracy(labels, np.array([True, False, False, False])) == 0.75
    threshold = best_threshold(labels, np.array([0.9, 0.7, 0.3, 0.1]))
    assert threshold == pytest.approx(0.5)
    values = np.array([0.0] * 50 + [1.0] * 50)
    low, high = bootstrap(list(range(100)), lambda at: float(values[at].mean()))
    assert 0.38 < low < 0.46
    assert 0.54 < high < 0.62
    low, high = bootstrap(["one"] * 100, lambda at: float(values[at].mean()))
    assert low == high == 0.5


def test_judging(embedder: SentenceTransformersEmbedder) -> None:
    pairs = made(12)
    verifier, passages = verifier_over(pairs, embedder)
    report = evaluate_grounding(pairs, "all", embedder, verifier, passages)
    assert report.n == 24
    assert report.metrics["auc"] == 1
    assert report.metrics["balanced_accuracy"] >= 0.9
    for name in ("", "cosine_", "overlap_"):
        for figure in ("auc", "balanced_accuracy"):
            ends = [report.metrics[f"{name}{figure}{end}"] for end in ("_low", "", "_high")]
            assert ends == sorted(ends)
    denied = next(row for row in report.rows if row["label"] == "contradiction")
    assert any("“tidak”" in reason for reason in denied["reasons"])


def test_calibrating(embedder: SentenceTransformersEmbedder) -> None:
    large = pairs_from(made(40), embedder, whole=False)
    small = pairs_from(made(8), embedder, whole=True)
    fitted = fit_support({"large": large, "small": small})
    assert fitted.fitted_on == {"large": len(large.labels), "small": 16}
    assert len(large.labels) < 80
    assert fitted.cross_validated["large: auc"] > 0.95
    assert fitted.head == SupportModel.load().head
    by_name = dict(zip(fitted.features, fitted.weights, strict=True))
    assert by_name["negation"] < 0
    assert by_name["role"] < 0  # never seen, and still it speaks against a claim
    with pytest.raises(EvaluationError, match="at least 8"):
        fit_support({"few": pairs_from(made(3), embedder, whole=True)})


def test_the_shipped_claims(article: str, embedder: SentenceTransformersEmbedder) -> None:
    pairs = load_nli(CLAIMS)
    assert all(pair.premise in article and pair.kind for pair in pairs)
    assert len({(pair.premise, pair.hypothesis) for pair in pairs}) == len(pairs) >= 120
    assert 55 <= sum(pair.entailed for pair in pairs) <= 70
    shipped = SupportModel.load()
    assert shipped.fitted_on[CLAIMS.name] == len(pairs)
    verifier, passages = verifier_over(pairs, embedder)
    accepted = np.array(
        [verifier.support(p.hypothesis, [passages[p.premise]]).score >= 0.5 for p in pairs]
    )
    labels = np.array([pair.entailed for pair in pairs])
    assert accepted[~labels].mean() <= 0.08
    assert accepted[labels].mean() >= 0.65


def test_the_commands(tmp_path: Path) -> None:
    file, out = written(tmp_path / "n.jsonl", made(40)), tmp_path / "g.json"
    words = ["eval", "grounding", str(file), "--split", "test", "--json", str(out)]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    content = json.loads(out.read_text(encoding="utf-8"))
    assert content["metrics"]["auc"] > 0.95
    assert content["settings"]["split"] == "test"
    model = tmp_path / "support.json"
    result = CliRunner().invoke(app, ["calibrate", "grounding", str(file), "-o", str(model)])
    assert result.exit_code == 0, result.output
    assert SupportModel.load(model).fitted_on == {"n.jsonl": content_tune(file)}


def content_tune(file: Path) -> int:
    return len(chosen(load_nli(file), "tune"))
