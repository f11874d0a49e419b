"""The comparison bench: its figures and pictures, and our own adapter through the whole of it.

The frameworks have an environment of their own, which CI does not make; with it, each is run too.
"""

from __future__ import annotations

import json
import math
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "eval" / "bench"))

from versus import environment, measures, report
from versus.adapters import NAMES, Listener, Passage, Setup
from versus.chart import chart
from versus.clients import run_clients
from versus.figures import Row, Table, Target, percentile, shown
from versus.material import Dataset, Material, composed, read_dataset, read_material
from versus.plan import Plan
from versus.process import SystemFailedError, WorkerProcess
from versus.process import environment as variables
from versus.state import State

from citydip_rag.embedding import Embedder
from citydip_rag.embedding.bundled import bundled_model_folder

FASTER = Row("p50", "search", "ms", {"ours": 10.0, "haystack": 30.0, "txtai": 25.0})
RATE = Row("rate", "indexing", "passages/s", {"ours": 40.0, "haystack": 50.0}, more_is_better=True)
TEXTS = (
    "Wali kota Surabaya menandatangani kerja sama dengan kota Kochi di Jepang.",
    "Pelabuhan Tanjung Perak melayani kapal peti kemas dari banyak negara.",
    "Museum itu dibuka kembali setelah atapnya diperbaiki pada musim hujan.",
    "Diplomasi kota menghubungkan pemerintah daerah tanpa melalui ibu kota negara.",
)
QUESTION = "Dengan kota mana Surabaya bekerja sama?"


def test_percentiles_are_interpolated() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert percentile([7.0], 0.95) == 7.0
    assert percentile([0.0, 100.0], 0.95) == pytest.approx(95.0)
    assert math.isnan(percentile([], 0.5))


def test_ratios_say_how_many_times_better_ours_is() -> None:
    assert FASTER.ratio("haystack") == 3.0
    assert RATE.ratio("haystack") == 0.8
    assert math.isnan(FASTER.ratio("llamaindex"))
    assert FASTER.best_of_others() == "txtai"
    assert RATE.best_of_others() == "haystack"


@pytest.mark.parametrize(
    ("row", "wanted", "met"),
    [(FASTER, 2.5, True), (FASTER, 2.6, False), (RATE, 1.0, False), (RATE, 0.8, True)],
)
def test_a_target_is_held_against_the_best_of_the_others(
    row: Row, wanted: float, *, met: bool
) -> None:
    assert Target("", row, wanted).met is met


def test_a_target_without_figures_is_missed() -> None:
    alone = Row("p50", "search", "ms", {"ours": 1.0})
    assert not Target("", alone, 0.0).met


@pytest.mark.parametrize(
    ("value", "text"), [(1234.6, "1,235"), (12.34, "12.3"), (1.234, "1.23"), (math.nan, "–")]
)
def test_figures_are_shown_short(value: float, text: str) -> None:
    assert shown(value) == text


def test_shares_of_one_are_shown_in_three_decimals() -> None:
    row = Row("n", "nDCG@10", "", {"ours": 0.95, "txtai": 37.0}, more_is_better=True)
    assert [row.shown(s) for s in ("ours", "txtai", "haystack")] == ["0.950", "37.0", "–"]


def test_clients_share_the_questions_and_failures_are_counted() -> None:
    def work(query: str) -> str:
        if query == "3":
            raise LookupError(query)
        return query * 2

    queries = [str(n) for n in range(40)]
    run = run_clients(work, queries, 16)
    assert run.failed == 1
    assert len(run.ms) == 39
    assert run.results == [None if q == "3" else q * 2 for q in queries]


def test_text_that_is_withdrawn_was_not_the_first() -> None:
    listener = Listener()
    listener.hear("")
    assert listener.first_ms is None
    listener.hear("a")
    begun = listener.first_ms
    listener.hear("b")
    assert listener.first_ms == begun
    listener.withdraw()
    assert listener.first_ms is None


def test_the_page_has_ratios_and_says_what_is_missing(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json")
    with state.attempt("build@500", "llamaindex"):
        raise SystemFailedError("it would not")
    told = {"description": "as it comes", "versions": {"txtai": "9"}}
    state.put("describe", "txtai", told)
    page = report.markdown(
        [Table("500 passages", [FASTER, RATE])], [Target("speed", FASTER, 2.6)], state, "a machine"
    )
    assert "| | citydip-rag | Haystack | txtai |" in page
    assert "| search (ms) | 10.0 | 30.0 (3.00×) | 25.0 (2.50×) |" in page
    assert "| indexing (passages/s) | 40.0 | 50.0 (0.80×) | – |" in page
    assert "**missed**: speed (2.50× of txtai, wanted 2.6×)" in page
    assert "LlamaIndex failed at build@500: it would not" in page
    assert "as it comes. txtai 9" in page


def test_the_chart_is_well_formed_and_true_to_scale() -> None:
    titles = {"ours": "Ours & others", "haystack": "Haystack", "txtai": "txtai"}
    drawn = ET.fromstring(chart([("Speed", FASTER), ("Rate", RATE)], titles, "bars"))  # noqa: S314  # our own
    name = "{http://www.w3.org/2000/svg}"
    bars = list(drawn.iter(f"{name}rect"))
    widths = [float(b.get("width", 0)) for b in bars]
    assert widths[0] / widths[1] == pytest.approx(1 / 3, abs=0.01)
    assert [b.get("class") for b in bars] == ["bar ours", "bar", "bar", "bar ours", "bar"]
    words = [t.text for t in drawn.iter(f"{name}text")]
    assert "Ours & others" in words
    assert "ms, less is better" in words
    assert "prefers-color-scheme: dark" in str(next(drawn.iter(f"{name}style")).text)
    right = [float(b.get("x", 0)) + w for b, w in zip(bars, widths, strict=True)]
    assert max(right) < float(drawn.get("width", 0)) / 2


def test_passages_are_real_first_and_all_different() -> None:
    passages = Material(TEXTS, [QUESTION], []).passages(30)
    assert [p.text for p in passages[:4]] == list(TEXTS)
    assert len({p.text for p in passages}) == len({p.id for p in passages}) == 30
    assert list(composed(TEXTS, 3)) == list(composed(TEXTS, 3))


def test_without_data_the_article_serves() -> None:
    material = read_material([], [], ROOT / "seeds" / "diplomasi-kota.txt")
    assert len(material.texts) > 5
    assert material.questions


def test_a_limited_data_set_keeps_what_its_questions_are_judged_on(shared_data: Path) -> None:
    dataset = read_dataset(shared_data / "beir" / "ntrex-en-id", 7)
    assert len(dataset.queries) == len(dataset.qrels) == 7
    assert {p.id for p in dataset.passages} == {t for g in dataset.qrels.values() for t in g}


def test_workers_are_offline_and_know_none_of_our_settings() -> None:
    given = variables({"CITYDIP_TOP_K": "3", "PATH": "/bin"})
    assert "CITYDIP_TOP_K" not in given
    assert given["PATH"] == "/bin"
    assert given["HF_HUB_OFFLINE"] == "1"


def test_a_ready_environment_is_not_made_again(tmp_path: Path) -> None:
    lock, folder = tmp_path / "lock", tmp_path / "venv"
    lock.write_text("nothing==1\n", encoding="utf-8")
    python = environment.python_of(folder)
    python.parent.mkdir(parents=True)
    python.touch()
    (folder / ".ready").write_text("another lock's", encoding="utf-8")
    made: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment.venv, "create", lambda *a, **_: made.append(a))
        patch.setattr(environment, "pip", lambda *a: made.append(a))
        assert environment.prepared(folder, lock) == python
        assert len(made) == 2
        assert environment.prepared(folder, lock) == python
    assert len(made) == 2


@pytest.fixture(scope="module")
def model() -> str:
    folder = bundled_model_folder()
    if folder is None:
        pytest.skip("the bundled model is not installed here")
    return str(folder)


def plan_of(folder: Path, model: str, system: str, python: Path) -> Plan:
    return Plan(
        folder, Setup(model), {system: python}, (4,), warming=1, single=2, crowd=4, rounds=1,
        starts=1, answers=1,
    )  # fmt: skip


def everything(plan: Plan, system: str) -> tuple[State, Dataset]:
    """All steps without a language model, on a corpus of four sentences."""
    state = State(plan.folder / "state.json")
    material = Material(TEXTS, [QUESTION, "Kapan museum dibuka?"], [])
    passages = [Passage(f"p{n}", text) for n, text in enumerate(TEXTS)]
    dataset = Dataset("four", passages, {"q": QUESTION}, {"q": {"p0": 1}})
    measures.describe(plan, state)
    measures.build(plan, state, material, 4)
    measures.cold(plan, state, QUESTION, 4)
    measures.search(plan, state, material.questions, 4)
    measures.quality(plan, state, dataset)
    assert state.failures == []
    assert state.of("quality@four")[system]["found"]["q"][0] == "p0"
    return state, dataset


@pytest.fixture(scope="module")
def finished(model: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, State, Dataset]:
    plan = plan_of(tmp_path_factory.mktemp("versus"), model, "ours", Path(sys.executable))
    return (plan, *everything(plan, "ours"))


def test_ours_goes_through_all_steps(finished: tuple[Plan, State, Dataset]) -> None:
    plan, state, dataset = finished
    made = report.tables(plan, state, [dataset])
    figures = {row.key: row.values["ours"] for table in made for row in table.rows}
    assert figures["nDCG@10"] == 1.0
    assert figures["index_rate"] > 0
    assert 50 < figures["search_memory"] < 10_000
    assert figures["cold"] > figures["imported_s"] > 0
    run = state.of("search@4")["ours"]
    assert len(run["1"]["ms"]) == 2
    assert len(run["16"]["ms"]) == 4
    assert run["differing"] == 0
    assert "citydip-rag" in state.of("describe")["ours"]["versions"]
    assert report.targets(made) == []  # there is nobody to compare with


def test_a_run_is_resumed_without_doing_anything_twice(
    finished: tuple[Plan, State, Dataset],
) -> None:
    plan, state, _ = finished
    resumed = State.resumed(state.path)
    assert resumed.results == json.loads(state.path.read_text("utf-8"))["results"]
    broken = plan_of(plan.folder, "no model", "ours", Path("no python"))
    measures.build(broken, resumed, Material(TEXTS, [], []), 4)
    assert resumed.failures == []


def test_ours_quotes_without_a_model_server(finished: tuple[Plan, State, Dataset]) -> None:
    plan, _, _ = finished
    with measures.start(plan, "ours") as worker:
        worker.call("open", folder=str(plan.index("ours", "4")))
        answer = worker.call("ask", question=QUESTION)
    assert "Kochi" in answer["answer"]
    assert 0 < answer["first_ms"] <= answer["whole_ms"]


def test_a_failure_is_told_and_the_worker_lives_on(tmp_path: Path) -> None:
    with WorkerProcess(Path(sys.executable), "ours", Setup("none"), tmp_path / "log") as worker:
        with pytest.raises(SystemFailedError, match="nothing called 'dance'"):
            worker.call("dance")
        with pytest.raises(SystemFailedError, match="open:"):
            worker.call("open", folder=str(tmp_path))
        assert worker.call("hello")["resident_mib"] > 0


def test_a_dead_worker_is_noticed(tmp_path: Path) -> None:
    with WorkerProcess(Path(sys.executable), "nobody", Setup("none"), tmp_path / "log") as worker:
        with pytest.raises(SystemFailedError, match="no system 'nobody'"):
            worker.call("hello")
        worker._process.kill()
        worker._process.wait()
        with pytest.raises(SystemFailedError, match="ended"):
            worker.call("hello", timeout=20)


def test_our_vectors_are_saved_for_the_others_at_large_sizes(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedder: Embedder
) -> None:
    monkeypatch.setattr(measures, "SHARED_FROM", 1)
    plan, state = plan_of(tmp_path, model, "ours", Path(sys.executable)), State(tmp_path / "state")
    measures.build(plan, state, Material(TEXTS, [], []), 4)
    saved = np.load(state.of("build@4")["ours"]["vectors"])
    own = np.stack([e.vector for e in embedder.embed_passages(TEXTS)])
    assert (saved * own).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("system", [name for name in NAMES if name != "ours"])
def test_each_framework_goes_through_all_steps(
    system: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedder: Embedder
) -> None:
    if not (environment.FOLDER / ".ready").is_file():
        pytest.skip("the frameworks are not installed: make versus")
    python = environment.python_of(environment.FOLDER)
    plan = plan_of(tmp_path, model, system, python)
    state, _ = everything(plan, system)
    # Once more with vectors handed over, in the opposite order, which shows whether they count.
    monkeypatch.setattr(measures, "SHARED_FROM", 1)
    vectors = np.stack([e.vector for e in embedder.embed_passages(TEXTS[::-1])])
    np.save(tmp_path / "vectors.npy", vectors)
    state.put("build@4", "ours", {"vectors": str(tmp_path / "vectors.npy")})
    del state.results["build@4"][system]
    measures.build(plan, state, Material(TEXTS, [], []), 4)
    with measures.start(plan, system) as worker:
        worker.call("open", folder=str(plan.index(system, "4")))
        # About the third text, whose vector now is the second's, with no word of any.
        asked = ["Gedung pameran barang kuno ditutup sementara"]
        found = worker.call("search", queries=asked, k=1, clients=1)["found"]
    assert state.failures == []
    assert found == [["p1"]]
