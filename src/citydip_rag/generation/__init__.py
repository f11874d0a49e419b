"""Passages become an answer."""

from citydip_rag.generation.base import NO_ANSWER, GenerationRequest, Generator, declines
from citydip_rag.generation.extractive import ExtractiveGenerator
from citydip_rag.generation.registry import Generators

__all__ = [
    "NO_ANSWER",
    "ExtractiveGenerator",
    "GenerationRequest",
    "Generator",
    "Generators",
    "declines",
]
