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


def test_the_steps_index_ask_and_summarise(tmp_path: Path) -> None:
    text = (ROOT / ".github" / "workflows" / "grounding.yml").read_text(encoding="utf-8")
    job = yaml.safe_load(text)["jobs"]["grounding"]
    write_questions(tmp_path / "q.jsonl", ANSWERED, DECLINED)
    (tmp_path / "gates.toml").write_text("[at_least]\nanswered = 1\n", encoding="utf-8")
    command = tmp_path / "bin" / "citydip"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom citydip_rag.cli import main\nmain()\n")
    command.chmod(0o755)
    inputs = {"seeds": str(ROOT / "seeds"), "questions": "q.jsonl", "gates": "gates.toml"}
    summary = tmp_path / "summary.md"
    shared = {
        **os.environ,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "OUT": str(tmp_path / ".grounding"),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    steps = {step["name"]: step for step in job["steps"] if "name" in step}
    for name in ("Index", "Ask", "Summarise"):
        done = subprocess.run(
            ["bash", "-e", "-c", steps[name]["run"]],
            cwd=tmp_path,
            env={**shared, **filled(steps[name].get("env", {}), inputs)},
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert summary.read_text(encoding="utf-8").startswith("## Grounding: the gate holds")
    uploaded = next(step for step in job["steps"] if "upload-artifact" in step.get("uses", ""))
    assert len(list((tmp_path / uploaded["with"]["path"]).iterdir())) == 4


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
