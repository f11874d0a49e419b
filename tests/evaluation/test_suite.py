"""Questions asked of the shipped article: how evidence is found, and what is made of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from citydip_rag import Engine, Settings, index_folder
from citydip_rag.embedding import SentenceTransformersEmbedder
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation import Gates, SuiteReport, evaluate_suite, load_gates, load_report
from citydip_rag.evaluation.examining import says
from citydip_rag.evaluation.questions import question_schema, read_questions
from citydip_rag.evaluation.reports import html_report, markdown_report
from corpus.pdf_file import pdf_of
from evaluation.questions import ANSWERED, CLASH, DECLINED, DRAINS, write_questions

ROOT = Path(__file__).resolve().parents[2]


def asked(engine: Engine, path: Path, *entries: dict[str, Any]) -> SuiteReport:
    return evaluate_suite(engine, [write_questions(path / "q.jsonl", *entries)])


def test_figures(tmp_path: Path, engine: Engine) -> None:
    wrong = {**ANSWERED, "id": "2", "evidence": [DRAINS]}
    report = asked(engine, tmp_path, ANSWERED, wrong, DECLINED)
    assert report.n == 3
    figures = report.metrics
    assert figures["citation_recall"] == 0.5
    assert figures["citation_precision"] == 0.25
    assert figures["exact_citations"] == 1
    assert figures["groundedness"] == 1
    assert (figures["answered"], figures["abstention_recall"]) == (1, 1)
    assert (figures["abstention_precision"], figures["balanced_accuracy"]) == (1, 1)
    assert figures["language_match"] == 1
    assert not {"key_fact_recall", "page_right", "article_cited", "generation_failed"} & set(
        figures
    )
    assert [outcome.verdict for outcome in report.questions] == [
        "right",
        "other evidence cited",
        "rightly declined",
    ]
    for name, (low, high) in report.intervals.items():
        assert low <= figures[name] <= high, name


def test_evidence_of_a_letter_or_of_a_whole_document(tmp_path: Path, engine: Engine) -> None:
    (identity,) = engine.document_ids()
    document = engine.document(identity)
    length = len(document.text)
    span = {"document": document.source, "start": 0, "end": length * 9 // 10}
    letter = {**ANSWERED, "id": "2", "evidence": [CLASH, "a"]}
    whole = {**ANSWERED, "id": "3", "evidence": [span]}
    good, short, nearly = asked(engine, tmp_path, ANSWERED, letter, whole).questions
    assert not good.brief
    assert good.covered == pytest.approx(len(CLASH) / length)
    assert short.brief
    assert short.covered < 0.5
    assert not nearly.brief
    assert nearly.covered == pytest.approx(0.9, abs=0.001)


def test_evidence_in_a_document_of_one_sentence_may_be_all_of_it(
    tmp_path: Path, embedder: SentenceTransformersEmbedder
) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "a.txt").write_text(f"{CLASH}.\n", encoding="utf-8")
    own = Settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    index_folder(own, embedder)
    opened = Engine.open(own, embedder)
    try:
        assert asked(opened, tmp_path, ANSWERED).questions[0].covered == 0
    finally:
        opened.close()


def test_a_report_is_read_back_as_it_was(tmp_path: Path, engine: Engine) -> None:
    report = asked(engine, tmp_path, ANSWERED, DECLINED)
    file = tmp_path / "r.json"
    file.write_text(report.json_text(), encoding="utf-8")
    assert load_report(file) == report
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["version"] == 2
    assert content["settings"]["generator"] == "extractive"
    (tmp_path / "old.json").write_text('{"metrics": {}, "n": 1, "settings": {}}')
    with pytest.raises(EvaluationError, match=r"old\.json is no report of a suite, at made"):
        load_report(tmp_path / "old.json")


def test_evidence_by_its_span_and_with_other_white_space(
    tmp_path: Path, engine: Engine, article: str
) -> None:
    start = article.index(CLASH)
    span = {"document": "diplomasi-kota.txt", "start": start, "end": start + len(CLASH)}
    spaced = CLASH.replace(" adalah ", "\n  adalah\t")
    for evidence in (span, spaced):
        report = asked(engine, tmp_path, {**ANSWERED, "evidence": [evidence]})
        assert report.metrics["citation_recall"] == 1
        assert report.questions[0].gold[0].text == CLASH


def test_files_that_were_not_read_or_have_changed_are_named(
    tmp_path: Path, own_settings: Settings, embedder: SentenceTransformersEmbedder
) -> None:
    (own_settings.seeds / "kosong.txt").write_bytes(b"")
    (own_settings.seeds / "lama.txt").write_text("Kota lama itu indah sekali.", encoding="utf-8")
    index_folder(own_settings, embedder)
    opened = Engine.open(own_settings, embedder)
    try:
        report = asked(opened, tmp_path, DECLINED)
        assert (report.unread, report.changed) == (("kosong.txt",), ())
        (own_settings.seeds / "awal.txt").write_text("Lain.", encoding="utf-8")
        (own_settings.seeds / "baru.txt").write_text("Baru.", encoding="utf-8")
        (own_settings.seeds / "kosong.txt").touch()
        (own_settings.seeds / "lama.txt").unlink()
        changed = asked(opened, tmp_path, DECLINED)
        own_settings.seeds.rename(tmp_path / "elsewhere")
        assert asked(opened, tmp_path, DECLINED).changed == ()  # nothing is known of it
    finally:
        opened.close()
    assert changed.changed == ("awal.txt", "baru.txt", "lama.txt")
    for text in (markdown_report(changed), html_report(changed)):
        plain = text.replace("\\", "")
        assert "1 file could not be read: kosong.txt." in plain
        assert "(3 files: awal.txt, baru.txt, lama.txt)" in plain


def test_what_was_declined_shows_what_lay_nearest(tmp_path: Path, engine: Engine) -> None:
    far = {**ANSWERED, "question": "Berapa harga minyak goreng curah di pasar Blitar?"}
    (outcome,) = asked(engine, tmp_path, far).questions
    assert outcome.verdict == "wrongly declined"
    assert len(outcome.closest) == 3
    report = asked(engine, tmp_path, far, DECLINED)
    assert report.questions[1].closest == ()
    page = html_report(report)
    assert f"is below the threshold of {report.threshold:.2f}" in page
    assert page.count("Passages found first") == 1


def test_key_facts_and_history(tmp_path: Path, engine: Engine) -> None:
    facts = ["Kebijakan luar negeri", ["national policy", "potensi benturan"], "anggaran"]
    leaning = {
        **ANSWERED,
        "question": "Apa yang terbesar?",
        "history": [{"question": "Apa saja tantangan diplomasi kota?", "answer": "Benturan."}],
        "facts": facts,
    }
    report = asked(engine, tmp_path, leaning)
    assert [fact.found for fact in report.questions[0].facts] == [True, True, False]
    assert report.metrics["key_fact_recall"] == pytest.approx(2 / 3)
    assert report.questions[0].earlier == ("Apa saja tantangan diplomasi kota?",)


@pytest.mark.parametrize(
    ("text", "fact", "said"),
    [
        ("Pidana paling lama 6 (enam) tahun.", "6 (enam) tahun", True),
        ("Pidana paling lama 6 (enam) tahun.", "enam TAHUN", True),
        ("Pada 1867, kereta berjalan.", "867", False),
        ("Kota-kota", "kota kota", True),
    ],
)
def test_saying_a_fact(text: str, fact: str, *, said: bool) -> None:
    assert says(text, fact) is said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"evidence": [CLASH, "Ini tidak ada."]},
            r"q\.jsonl, line 3: question 9: .*'Ini tidak ada",
        ),
        ({"place": "UU 1/1900, Pasal 3"}, "line 3: .*has the place 'UU 1/1900, Pasal 3'"),
        (
            {"evidence": [{"document": "x.txt", "start": 0, "end": 3}]},
            r"line 3: .*no document 'x\.txt'",
        ),
        (
            {"evidence": [{"document": "diplomasi-kota.txt", "start": 0, "end": 99_999}]},
            "line 3: .*ends at character 99999",
        ),
    ],
)
def test_evidence_must_stand_in_the_documents(
    tmp_path: Path, engine: Engine, change: dict[str, Any], said: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(
        "\n".join([json.dumps(ANSWERED), "", json.dumps({**ANSWERED, "id": "9", **change})])
    )
    with pytest.raises(EvaluationError, match=said):
        evaluate_suite(engine, [path])


def test_a_word_left_out_of_the_evidence_is_found(tmp_path: Path, engine: Engine) -> None:
    slip = {**ANSWERED, "evidence": [CLASH.replace("terbesar ", "")]}
    with pytest.raises(EvaluationError, match=r"q\.jsonl, line 1: ") as caught:
        asked(engine, tmp_path, slip)
    assert caught.value.remedy.startswith(f"Closest there, in diplomasi-kota.txt: “{CLASH}")


def test_a_page_must_be_that_of_the_evidence(
    tmp_path: Path, own_settings: Settings, embedder: SentenceTransformersEmbedder, engine: Engine
) -> None:
    with pytest.raises(EvaluationError, match=r"stands in diplomasi-kota\.txt, which has no pages"):
        asked(engine, tmp_path, {**ANSWERED, "page": 2})
    pages = [[(50, 700, text)] for text in ("Kota ini ramai sekali.", "Kota itu sangat sepi.")]
    (own_settings.seeds / "a.pdf").write_bytes(pdf_of(pages))
    index_folder(own_settings, embedder)
    paged = Engine.open(own_settings, embedder)
    quiet = {**ANSWERED, "evidence": ["Kota itu sangat sepi."]}
    try:
        assert asked(paged, tmp_path, {**quiet, "page": 2}).questions[0].page == 2
        with pytest.raises(EvaluationError, match=r"line 1: .*stands on page 2, not 1"):
            asked(paged, tmp_path, {**quiet, "page": 1})
    finally:
        paged.close()


def test_all_lines_that_are_wrong_are_said_at_once(tmp_path: Path, engine: Engine) -> None:
    lost = {**ANSWERED, "evidence": ["Ini tidak ada di mana-mana."]}
    wrong = [{**lost, "id": str(n)} for n in range(23)]
    with pytest.raises(EvaluationError) as caught:
        asked(engine, tmp_path, *wrong)
    said = caught.value.message.split("\n")
    assert said[0] == "23 lines are wrong:"
    assert [line.split(":")[0] for line in said[1:-1]] == [
        f"q.jsonl, line {n}" for n in range(1, 21)
    ]
    assert said[-1] == "and 3 more"
    assert caught.value.remedy.startswith("Index the documents the questions were written for")
    path = tmp_path / "p.jsonl"
    path.write_text('{\n{"id": 1}\n' + json.dumps(ANSWERED), encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"(?s)2 lines are wrong:.*line 1: not.*line 2: id"):
        read_questions(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"evidence": "Kota."}, r'line 1: evidence: write a list of texts: \["Kota\."\]'),
        ({"answerabel": True, "language": 3}, r"answerabel: .*did you mean answerable\?$"),
        ({"wit": 1}, "wit: there is no such field"),
        ({"language": "fr"}, "language: write 'id' or 'en'"),
        ({"answerable": "perhaps"}, "answerable: write true or false, without quotes"),
        ({"question": " "}, "question: is blank"),
        ({"id": None}, "id: write a text in quotes"),
        ({"page": "first"}, "page: write a whole number, without quotes"),
    ],
)
def test_mistakes_are_said_in_peoples_words(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(EvaluationError, match=said):
        read_questions(write_questions(tmp_path / "q.jsonl", {**ANSWERED, **change}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"question": "???"}, "line 1: question: .*empty"),
        ({"facts": []}, None),
        ({"facts": [[]]}, "line 1: facts"),
        ({"evidence": [{"document": "a", "start": 3, "end": 3}]}, "line 1: evidence.*behind start"),
        ({"history": [{"question": ""}]}, "line 1: history"),
        ({"page": 0}, "line 1: page"),
        ({"answerable": False, "evidence": [], "facts": ["x"]}, "line 1: .*no key facts"),
    ],
)
def test_fields_are_checked(tmp_path: Path, change: dict[str, Any], said: str | None) -> None:
    path = write_questions(tmp_path / "q.jsonl", {**ANSWERED, **change})
    if said is None:
        assert read_questions(path)
    else:
        with pytest.raises(EvaluationError, match=said):
            read_questions(path)


def test_a_file_is_given_once(tmp_path: Path, engine: Engine) -> None:
    path = write_questions(tmp_path / "q.jsonl", ANSWERED)
    with pytest.raises(EvaluationError, match=r"q\.jsonl was given twice"):
        evaluate_suite(engine, [path, path])


def test_the_schema_is_that_of_the_code() -> None:
    file = ROOT / "eval" / "questions.schema.json"
    assert json.loads(file.read_text(encoding="utf-8")) == question_schema()


def test_what_a_model_could_not_answer_is_counted(tmp_path: Path, engine: Engine) -> None:
    from citydip_rag.engine import Engine as Opened

    settings = engine.settings.model_copy(
        update={"generator": "openai", "llm_base_url": "http://127.0.0.1:9/v1", "llm_retries": 0}
    )
    opened = Opened.open(settings, engine.embedder)
    try:
        report = asked(opened, tmp_path, ANSWERED, DECLINED)
    finally:
        opened.close()
    assert report.metrics["generation_failed"] == 0.5
    assert report.questions[0].failure
    assert report.metrics["citation_recall"] == 1
    (broken,) = Gates().judged(report).broken  # though the quotations are all right
    assert broken.why == "generation_failed is 0.500, and the suite itself asks for at most 0.05"
    (tmp_path / "own.toml").write_text("[at_most]\ngeneration_failed = 0.6\n", encoding="utf-8")
    own = load_gates(tmp_path / "own.toml").judged(report)
    assert (own.gates, own.broken) == (("generation_failed <= 0.6",), ())
