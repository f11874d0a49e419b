"""The reusable workflow's steps are run here as a runner does, and the docs name what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from citydip_rag.evaluation.gates import load_gates
from citydip_rag.evaluation.metrics import METRICS
from citydip_rag.evaluation.questions import Question
from evaluation.questions import ANSWERED, DECLINED, write_questions

ROOT = Path(__file__).resolve().parents[2]


class Runner:
    """Runs the workflow's steps in a folder, as a runner does."""

    def __init__(self, folder: Path, **inputs: str) -> None:
        text = (ROOT / ".github" / "workflows" / "grounding.yml").read_text(encoding="utf-8")
        self.job = yaml.safe_load(text)["jobs"]["grounding"]
        self.steps = {step["name"]: step for step in self.job["steps"] if "name" in step}
        self.folder = folder
        self.inputs = {"questions": "q.jsonl", "gates": "gates.toml", "strict": "true", **inputs}
        self.summary = folder / "summary.md"
        self.out = folder / ".grounding"
        (folder / "gates.toml").write_text("[at_least]\nanswered = 1\n", encoding="utf-8")
        command = folder / "bin" / "citydip"
        command.parent.mkdir()
        command.write_text(f"#!{sys.executable}\nfrom citydip_rag.cli import main\nmain()\n")
        command.chmod(0o755)

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """One step's script with its variables."""
        step = self.steps[name]
        shared = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "OUT": str(self.out),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }
        return subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=self.folder,
            env={**shared, **filled(step.get("env", {}), self.inputs)},
            capture_output=True,
            check=False,
            text=True,
        )


def test_the_steps_index_ask_and_summarise(tmp_path: Path) -> None:
    write_questions(tmp_path / "q.jsonl", ANSWERED, DECLINED)
    runner = Runner(tmp_path, seeds=str(ROOT / "seeds"))
    for name in ("Index", "Ask", "Summarise"):
        done = runner.run(name)
        assert done.returncode == 0, done.stderr
    assert runner.summary.read_text(encoding="utf-8").startswith("## Grounding: the gate holds")
    assert runner.summary.read_text() == (runner.out / "comment.md").read_text()
    uploaded = next(s for s in runner.job["steps"] if "upload-artifact" in s.get("uses", ""))
    assert len(list((tmp_path / uploaded["with"]["path"]).iterdir())) == 4


def test_a_file_that_cannot_be_read_and_a_mistake_are_commented_on(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    (seeds / "a.txt").write_text("Kota bekerja sama dengan kota lain di dunia.", encoding="utf-8")
    (seeds / "empty.txt").write_bytes(b"")
    (tmp_path / "q.jsonl").write_text("{", encoding="utf-8")
    runner = Runner(tmp_path, seeds=str(seeds))
    index = runner.run("Index")
    assert index.returncode == 1
    assert "1 file could not be read" in index.stderr
    assert runner.run("Summarise").returncode == 0
    said = (runner.out / "comment.md").read_text(encoding="utf-8")
    assert said.startswith("## Grounding: nothing was measured\n\n    1 file could not be read")
    assert "empty.txt" in said
    runner.inputs["strict"] = "false"
    assert runner.run("Index").returncode == 0  # the index was made all the same
    assert runner.run("Ask").returncode == 2
    assert runner.run("Summarise").returncode == 0
    said = (runner.out / "comment.md").read_text(encoding="utf-8")
    assert "q.jsonl, line 1: not valid JSON" in said
    assert not (runner.out / "report").exists()


def filled(environment: dict[str, str], inputs: dict[str, str]) -> dict[str, Any]:
    """A step's environment with the workflow's inputs in it."""
    return {
        name: re.sub(r"\${{ inputs\.(\w+) }}", lambda found: inputs[found[1]], value)
        for name, value in environment.items()
    }


def test_no_input_stands_in_a_script() -> None:
    text = (ROOT / ".github" / "workflows" / "grounding.yml").read_text(encoding="utf-8")
    for step in yaml.safe_load(text)["jobs"]["grounding"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_the_guide_names_every_metric_and_field_and_its_gates_are_gates(tmp_path: Path) -> None:
    guide = (ROOT / "eval" / "README.md").read_text(encoding="utf-8")
    for metric in METRICS:
        assert f"`{metric.name}`" in guide
    for field in Question.model_fields:
        assert f"| `{field}` |" in guide
    example = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)[0]
    (tmp_path / "gates.toml").write_text(example.split("[no_worse_than]")[0], encoding="utf-8")
    assert len(load_gates(tmp_path / "gates.toml").bounds) == 3
    assert load_gates(ROOT / "eval" / "gates.toml").bounds
