"""What is asked of every system; nothing here imports any of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Literal, NamedTuple


class Listener:
    """Hears an answer as it comes, and remembers when its text began."""

    def __init__(self) -> None:
        """Begin to listen."""
        self._begun = perf_counter()
        self.first_ms: float | None = None
        """Milliseconds until the first text that was not withdrawn."""

    def hear(self, piece: str) -> None:
        """The next piece."""
        if piece and self.first_ms is None:
            self.first_ms = self.elapsed_ms

    def withdraw(self) -> None:
        """What was heard so far does not count; another text follows."""
        self.first_ms = None

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since it began."""
        return (perf_counter() - self._begun) * 1000


class Passage(NamedTuple):
    """A text to find."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What all systems are given alike.

    Attributes:
        model: the folder of the embedding model.
        dtype: what the others' models compute in, by their documented `model_kwargs`; ours
            chooses by itself.
        query_prefix, passage_prefix: what the model wants before a text.
    """

    model: str
    dtype: Literal["float32", "bfloat16"] = "float32"
    query_prefix: str = "query: "
    passage_prefix: str = "passage: "

    @property
    def model_kwargs(self) -> dict[str, Any]:
        """The same for `transformers`."""
        return {} if self.dtype == "float32" else {"dtype": self.dtype}


@dataclass(frozen=True, slots=True)
class Server:
    """An OpenAI-compatible server and how it is to answer."""

    address: str
    model: str
    max_tokens: int
    passages: int = 3


class System(ABC):
    """A system under measurement. Search may be called from many threads at once."""

    description: ClassVar[str]
    """How it is set up, in a line."""
    packages: ClassVar[Sequence[str]]
    """What it is made of, to be told with the versions."""

    def __init__(self, setup: Setup) -> None:
        """Keep the set-up; nothing is loaded yet."""
        self.setup = setup
        self.server: Server | None = None
        """Who writes answers, set before `open`; without, ours quotes and the others cannot."""

    def versions(self) -> dict[str, str]:
        """Versions of its packages."""
        found = {}
        for name in (*self.packages, "sentence-transformers", "transformers", "torch"):
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
        return found

    @abstractmethod
    def load(self, passages: int) -> None:
        """Load the embedding model, so that indexing so many can begin."""

    @abstractmethod
    def index(self, passages: Sequence[Passage], folder: Path, vectors: Any = None) -> None:
        """Index passages and save everything below a folder.

        Args:
            passages: to be indexed.
            folder: empty.
            vectors: (passages, dimension) float32, to be used instead of embedding; or None.
        """

    @abstractmethod
    def open(self, folder: Path) -> None:
        """Get ready to search a saved index, and to answer from it where there is a server."""

    @abstractmethod
    def embed(self, query: str) -> None:
        """Embed a question and nothing else, for the profile."""

    @abstractmethod
    def search(self, query: str, k: int) -> list[str]:
        """Ids of the best passages, best first."""

    @abstractmethod
    def ask(self, question: str, listener: Listener) -> str:
        """Answer from the opened index; an empty text where it declines to."""
