"""The server that `load.py` compares with: it embeds one question at a time."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from pathlib import Path

from citydip_rag.embedding import Encoding, OnnxEmbedder
from citydip_rag.engine import Engine
from citydip_rag.live import LiveEngine
from citydip_rag.serving import build_app, make_server
from citydip_rag.settings import load_settings


class OneByOne(OnnxEmbedder):
    """The bundled model behind a lock."""

    _turn = threading.Lock()

    def embed_queries(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode each question alone."""
        with self._turn:
            return [super(OneByOne, self).embed_queries([text])[0] for text in texts]


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int)
    parser.add_argument("--index", type=Path)
    settings = load_settings(**vars(parser.parse_args()))
    live = LiveEngine(Engine.open(settings, OneByOne.bundled()))
    make_server(build_app(settings, live), settings).run()


if __name__ == "__main__":
    main()
