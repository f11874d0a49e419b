"""Reading documents and keeping a large folder up to date: `python eval/bench/documents.py --help`.

Pages a second are measured by format on the files of a folder; 3,000 characters count as a page
where a format has none. The large folder is made of the article's sentences in random order. By
default its passages' vectors are synthetic, so that what is measured is everything but the
embedding; `--real` embeds with the model.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from bench_common import ROOT, NoisyEmbedder, Row, percentile, show

from citydip_rag.corpus import FileFailure, PassageMaker, ReaderProcess, read_folder, scan_folder
from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.embedding import Embedder, load_embedder
from citydip_rag.engine import Engine
from citydip_rag.indexing import IndexReport, index_folder
from citydip_rag.settings import Settings, load_settings

PAGE = 3_000
"""Characters that count as a page where a format has none; a file has one at least."""
SENTENCES = 55
"""In a file of the large folder: about 20 passages."""


def measure_formats(folder: Path) -> Iterator[Row]:
    """Pages read a second, by format, in the reader's process."""
    pages: dict[str, float] = defaultdict(float)
    seconds: dict[str, float] = defaultdict(float)
    with ReaderProcess() as reader:
        for repeat in range(3):  # the first time the libraries are loaded
            for file in scan_folder(folder):
                if isinstance(file, FileFailure):
                    continue
                begun = time.perf_counter()
                parts = reader.read(file.path, file.source)
                spent = time.perf_counter() - begun
                extracts = [part.extract for part in parts if part.extract is not None]
                if repeat and extracts:
                    suffix = Path(file.source).suffix.lower()
                    seconds[suffix] += spent
                    pages[suffix] += sum(
                        len(e.pages) or max(1, len(e.text) / PAGE) for e in extracts
                    )
    for suffix in sorted(pages):
        yield f"pages read of {suffix}", pages[suffix] / seconds[suffix], "1/s"


def write_folder(folder: Path, count: int) -> None:
    """Files of the article's sentences in random order, each with words of its own."""
    (article,) = (d for d in read_folder(ROOT / "seeds") if not isinstance(d, FileFailure))
    sentences = [
        article.text[span.start : span.end]
        for block in article.blocks
        for span in sentence_spans(article.text, block.start, block.end)
    ]
    random = np.random.default_rng(0)
    for number in range(count):
        chosen = random.choice(sentences, SENTENCES)
        paragraphs = [f"{line} Nomor {number}-{i}." for i, line in enumerate(chosen)]
        text = f"Berkas {number}\n" + "\n".join(paragraphs)
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")


def timed(run: Callable[[], IndexReport]) -> tuple[IndexReport, float]:
    """A run's report and its seconds."""
    begun = time.perf_counter()
    report = run()
    return report, time.perf_counter() - begun


def measure_folder(settings: Settings, embedder: Embedder, count: int) -> Iterator[Row]:
    """First indexing, nothing changed, one file changed; then search, and peak memory."""

    def run() -> IndexReport:
        return index_folder(settings, embedder)

    write_folder(settings.seeds, count)
    report, seconds = timed(run)
    yield f"first indexing of {count:,} files, {report.passages:,} passages", seconds, "s"
    report, seconds = timed(run)
    assert not report.changed
    yield "indexing again, nothing changed", seconds, "s"
    (settings.seeds / "0.txt").write_text("Berkas baru\nKota ini baru saja bergabung.", "utf-8")
    report, seconds = timed(run)
    assert report.changed
    yield f"indexing again, one file changed ({report.embedded} embedded)", seconds, "s"
    engine = Engine.open(settings, embedder)
    spent = []
    for number in range(60):
        begun = time.perf_counter()
        found = engine.find(f"Apa tantangan diplomasi kota nomor {number}?")
        spent.append((time.perf_counter() - begun) * 1000)
        assert found.candidates
    yield f"finding evidence in it, p50 of {len(spent[10:])}", percentile(spent[10:], 0.5), "ms"
    engine.close()
    yield "peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB"


def main() -> None:
    """Measure, print, and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "seeds", help="to read")
    parser.add_argument("--files", type=int, default=1000, help="files of the large folder")
    parser.add_argument("--real", action="store_true", help="embed with the model: minutes")
    parser.add_argument("--json", type=Path, default=ROOT / "eval" / "out" / "documents.json")
    options = parser.parse_args()
    rows = list(measure_formats(options.folder))
    model = load_embedder()
    article = [d for d in read_folder(ROOT / "seeds") if not isinstance(d, FileFailure)]
    samples = [p.text for d in article for p in PassageMaker(model.count_tokens).passages(d)]
    embedder = model if options.real else NoisyEmbedder(model, samples)
    with tempfile.TemporaryDirectory(prefix="citydip-bench-") as folder:
        settings = load_settings(seeds=Path(folder) / "seeds", index=Path(folder) / "index")
        settings.seeds.mkdir()
        rows += measure_folder(settings, embedder, options.files)
    show(rows, options.json)


if __name__ == "__main__":
    main()
