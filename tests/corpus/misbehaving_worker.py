"""A reader's child that does what the file in its hands says."""

from __future__ import annotations

import os
from pathlib import Path

from citydip_rag.corpus import worker
from citydip_rag.corpus.reading import Part, read_parts


def read(path: Path, source: str) -> list[Part]:
    """Misbehave if told so, else read."""
    match path.read_text(encoding="utf-8"):
        case "endless":
            while True:
                pass
        case "crash":
            os._exit(1)
        case "hungry":
            bytearray(1 << 40)
        case "noisy":
            os.write(1, b"noise\n")
        case "broken":
            raise ZeroDivisionError("/secret/path")
    return read_parts(path, source)


if __name__ == "__main__":
    worker.read_parts = read
    worker.run()
