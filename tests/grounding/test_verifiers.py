"""The verifier seam: one contract for all, and what the default one tells apart."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citydip_rag import Engine, Language, Passage
from citydip_rag.embedding import Embedder
from citydip_rag.embedding.projection import Projection
from citydip_rag.errors import ModelError, SettingsError
from citydip_rag.evaluation.collection import whole_passage
from citydip_rag.grounding import (
    AlignmentVerifier,
    Checker,
    Reason,
    Sentence,
    SupportModel,
    VerbatimVerifier,
    Verifier,
    say,
)
from citydip_rag.grounding.cross_encoder import CrossEncoderVerifier
from citydip_rag.index.tokens import PassageTokens

TRUE = "Walikota London secara rutin bertemu dengan investor dan pemimpin bisnis global."


@pytest.fixture(scope="module")
def passages(engine: Engine) -> list[Passage]:
    return engine.index.store.all_passages(range(len(engine.index)))


@pytest.fixture(scope="module")
def verifier(engine: Engine) -> AlignmentVerifier:
    return AlignmentVerifier.for_index(engine.embedder, engine.index)


@pytest.fixture(scope="module")
def nli_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CrossEncoder so small that it knows nothing, but with the shape of one for NLI."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("nli")
    pad, unknown = "[PAD]", "[UNK]"
    words = {word: n for n, word in enumerate([pad, unknown, "kota"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, unk_token=unknown, model_max_length=64
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=64,
        id2label={0: "contradiction", 1: "ENTAILMENT", 2: "neutral"},
        label2id={"contradiction": 0, "ENTAILMENT": 1, "neutral": 2},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(params=["verbatim", "alignment", "cross_encoder"])
def every(request: pytest.FixtureRequest, verifier: AlignmentVerifier, nli_model: Path) -> Verifier:
    if request.param == "alignment":
        return verifier
    return VerbatimVerifier() if request.param == "verbatim" else cross_encoder(nli_model)


def cross_encoder(folder: Path) -> CrossEncoderVerifier:
    return CrossEncoderVerifier(str(folder))


@pytest.mark.parametrize(
    "claim",
    [TRUE, "Mayors meet investors.", "", " ", "!?", "[1] [2]", "\x00", "kota " * 1000, "a" * 5000],
)
def test_the_contract(every: Verifier, passages: list[Passage], claim: str) -> None:
    begun = time.perf_counter()
    support = every.support(claim, passages)
    assert time.perf_counter() - begun < 5
    assert 0 <= support.score <= 1
    assert (support.span is None) == (support.passage is None)
    if support.span is not None and support.passage is not None:
        passage = passages[support.passage]
        assert passage.start <= support.span.start < support.span.end <= passage.end
    assert all(say(reason, language) for reason in support.reasons for language in Language)
    assert every.support(claim, []).score == 0
    if not any(map(str.isalnum, claim)):
        assert support.score == 0


def test_a_quotation_is_borne_out_exactly(every: Verifier, passages: list[Passage]) -> None:
    last = passages[-1]
    spoken = last.sentences[-1]
    quote = last.text[spoken.start - last.start : spoken.end - last.start]
    assert every.support(" ".join(quote.split()[3:]), passages).score < 1, "a piece is none"
    support = every.support(quote, passages)
    assert support.score == 1
    assert support.passage is not None
    assert support.span is not None
    passage = passages[support.passage]
    start, end = support.span.start - passage.start, support.span.end - passage.start
    assert passage.text[start:end] == quote


@pytest.mark.parametrize(
    "claim",
    [
        TRUE,
        "The Mayor of London regularly meets investors and global business leaders.",
        "Mayors can often act faster and more flexibly than slow national bureaucracies.",
        "Power is no longer concentrated in one centre but spread over levels of government.",
    ],
)
def test_what_the_article_says_in_other_words(
    verifier: AlignmentVerifier, passages: list[Passage], claim: str
) -> None:
    support = verifier.support(claim, passages)
    assert support.score >= 0.5
    assert support.reasons == ()


@pytest.mark.parametrize(
    "claim",
    [
        "The mayors promote cities and promote cities and promote cities and diplomacy.",
        "Kota maju karena kota maju, dan karena kota maju lagi maka kota maju terus.",
    ],
)
def test_what_goes_in_circles_is_not_borne_out(
    verifier: AlignmentVerifier, passages: list[Passage], claim: str
) -> None:
    support = verifier.support(claim, passages)
    assert support.score == 0
    assert support.reasons == (Reason("repeats"),)


def test_the_sentence_that_alone_bears_a_claim_out_is_quoted_alone(
    verifier: AlignmentVerifier, passages: list[Passage]
) -> None:
    claim = "The Mayor of London regularly meets investors and global business leaders."
    support = verifier.support(claim, passages)
    assert support.passage is not None
    assert support.span is not None
    passage = passages[support.passage]
    start, end = support.span.start - passage.start, support.span.end - passage.start
    quoted = passage.text[start:end]
    assert quoted.startswith("Contohnya, Walikota London")
    assert quoted.count(". ") == 0
    wide = next(e for e in verifier.examine(claim, passages) if e.unit.text.count(". ") == 1)
    assert verifier._narrowest(verifier.examine(claim, passages), wide.unit).text == quoted


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("Walikota Surabaya secara rutin bertemu dengan investor.", Reason("name", "Surabaya")),
        ("The Mayor of Manchester regularly meets investors.", Reason("name", "Manchester")),
        ("Thousands of mayors said they were still in.", Reason("number", "Thousands")),
        (
            "Pada tahun 2019 ratusan walikota mendeklarasikan bahwa mereka masih masuk.",
            Reason("number", "2019"),
        ),
        ("City diplomacy faces no challenges.", Reason("negation", "no")),
        ("Walikota tidak dapat menjalin perjanjian kerja sama.", Reason("negation", "tidak")),
        (
            "National bureaucracies can often act faster and more flexibly than mayors.",
            Reason("role", "bureaucracies"),
        ),
        ("Mereka berkolaborasi untuk meningkatkan emisi.", Reason("opposite", "meningkatkan")),
    ],
)
def test_what_it_does_not_say(
    verifier: AlignmentVerifier, passages: list[Passage], claim: str, reason: Reason
) -> None:
    support = verifier.support(claim, passages)
    assert support.score < 0.5
    assert {found.kind for found in support.reasons} >= {reason.kind}
    if reason.kind != "role":
        assert reason in support.reasons


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("Diplomasi kota menghadapi tantangan.", True),
        ("Walikota memimpin misi dagang ke luar negeri.", True),
        ("Tantangan menghadapi diplomasi kota.", False),
        ("Diplomasi kota menghadapi lawan.", False),
        ("Pemerintah pusat menjalin koordinasi lemah.", False),
    ],
)
def test_a_clause_of_the_evidence_needs_no_weighing(
    verifier: AlignmentVerifier,
    passages: list[Passage],
    claim: str,
    *,
    said: bool,
) -> None:
    """ "diplomasi kota juga menghadapi tantangan", without "juga"."""
    assert (verifier.support(claim, passages).score >= 0.5) is said


def test_who_says_the_contrary_in_the_same_words_is_heard(
    verifier: AlignmentVerifier, passages: list[Passage]
) -> None:
    """Elsewhere another thing is denied, and that is no evidence for denying this."""
    found = verifier.support("Diplomasi kota tidak menghadapi tantangan.", passages)
    assert found.score < 0.5
    assert [reason.kind for reason in found.reasons] == ["negation"]
    assert found.passage is not None
    assert found.span is not None
    held = passages[found.passage]
    quoted = held.text[found.span.start - held.start : found.span.end - held.start]
    assert "diplomasi kota juga menghadapi tantangan" in quoted


@pytest.mark.parametrize(
    ("quote", "source"),
    [
        ("dikenakan tarif", "Kendaraan dinas tidak dikenakan tarif parkir."),
        ("cover the base", "The agreement does not cover the base."),
    ],
)
def test_a_quotation_cut_from_its_denial_is_none(engine: Engine, quote: str, source: str) -> None:
    verifier = AlignmentVerifier.for_texts(engine.embedder, engine.index.projection)
    passage = whole_passage("x", "", source)[1]
    assert verifier.support(source, [passage]).score == 1
    assert verifier.support(quote, [passage]).score < 0.5


def test_a_claim_of_many_words_is_not_checked(
    verifier: AlignmentVerifier, passages: list[Passage]
) -> None:
    support = verifier.support("kota dan " * 31, passages)
    assert (support.score, support.reasons) == (0, (Reason("too_long"),))


def test_reasons_reach_the_claims(
    engine: Engine, verifier: AlignmentVerifier, passages: list[Passage]
) -> None:
    false = "In 2019 hundreds of mayors said they were still in."
    for language, said in (
        (Language.ENGLISH, "2019 is not in the evidence."),
        (Language.INDONESIAN, "2019 tidak ada dalam bukti."),
    ):
        checker = Checker(passages, verifier, engine.index.store.name, language)
        for text in (TRUE, false):
            checker.check(Sentence(text, (1,)))
        assert [claim.supported for claim in checker.claims] == [True, False]
        assert said in checker.claims[1].reasons
        assert checker.claims[0].reasons == ()


@given(st.lists(st.sampled_from([*TRUE.split(), "mayors", "no", "2019", "Bandung", "than", "[1]"])))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_span_is_of_whole_sentences_of_the_document(
    engine: Engine, verifier: AlignmentVerifier, passages: list[Passage], words: list[str]
) -> None:
    support = verifier.support(" ".join(words), passages)
    if support.span is None or support.passage is None or support.score == 1:
        return
    passage = passages[support.passage]
    text = engine.document(passage.document_id).text[support.span.start : support.span.end]
    assert text == passage.text[support.span.start - passage.start :][: len(text)]
    assert support.span.start in {sentence.start for sentence in passage.sentences}
    assert support.span.end in {sentence.end for sentence in passage.sentences}


def test_an_index_and_encoding_anew_agree(
    engine: Engine, verifier: AlignmentVerifier, passages: list[Passage]
) -> None:
    fresh = AlignmentVerifier.for_texts(engine.embedder, engine.index.projection)
    one, other = verifier.support(TRUE[:-20], passages), fresh.support(TRUE[:-20], passages)
    assert one.span == other.span
    assert one.score == pytest.approx(other.score, abs=0.02)
    stranger = whole_passage("x", "", "Walikota Medan bertemu investor.")[1]
    assert verifier.support("Walikota Medan menemui investor.", [stranger]).score >= 0.5


def test_threads_get_the_same(verifier: AlignmentVerifier, passages: list[Passage]) -> None:
    claims = [TRUE, "City diplomacy faces no challenges.", "Mayors meet investors."] * 8
    alone = [verifier.support(claim, passages) for claim in claims]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda claim: verifier.support(claim, passages), claims)) == alone


def test_a_passage_without_tokens_and_a_claim_the_model_does_not_see_whole(
    embedder: Embedder, engine: Engine, passages: list[Passage]
) -> None:
    width = len(engine.index.projection.matrix)
    none = PassageTokens(np.zeros((0, width), np.float32), np.zeros((0, 2), np.int32))
    blind = AlignmentVerifier(embedder, engine.index.projection, lambda _: none)
    assert blind.support("Walikota bertemu.", passages).score == 0
    verifier = AlignmentVerifier.for_index(embedder, engine.index)
    long = "Walikota bertemu investor dan pemimpin bisnis lain di London. " * 50
    for claim in (long, "Menyebarluaskan pertanggungjawaban. " * 100):  # many words, many tokens
        support = verifier.support(claim, passages)
        assert (support.score, support.reasons) == (0, (Reason("too_long"),))


def test_another_model_is_told(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    projection = engine.index.projection
    AlignmentVerifier.for_texts(engine.embedder, projection)
    assert not caplog.records
    other = Projection(projection.mean + 1, projection.matrix)
    AlignmentVerifier.for_texts(engine.embedder, other)
    assert "calibrate grounding" in caplog.text


@pytest.mark.parametrize("content", ["", "{}", '{"features": ["x"]}'])
def test_a_malformed_model_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "support.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match="citydip calibrate grounding"):
        SupportModel.load(path)
    whole = SupportModel.load().model_dump()
    with pytest.raises(ValueError, match="do not fit"):
        SupportModel.model_validate({**whole, "weights": whole["weights"][1:]})


def test_a_cross_encoder_reads_its_own_labels(nli_model: Path, tmp_path: Path) -> None:
    verifier = cross_encoder(nli_model)
    assert verifier._entailment == 1
    with pytest.raises(ModelError, match="cannot be loaded"):
        cross_encoder(tmp_path / "nothing")
    config = (nli_model / "config.json").read_text(encoding="utf-8")
    for path in nli_model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "config.json").write_text(
        config.replace("ENTAILMENT", "relevant"), encoding="utf-8"
    )
    with pytest.raises(ModelError, match="no label for entailment"):
        cross_encoder(tmp_path)


def test_a_claim_is_checked_in_no_time(
    verifier: AlignmentVerifier, passages: list[Passage]
) -> None:
    seconds = []
    for number in range(12):
        begun = time.perf_counter()
        verifier.support(f"The Mayor of London meets {number} investors.", passages)
        seconds.append(time.perf_counter() - begun)
    assert median(seconds) < 0.15  # 0.02 where nothing else runs
