"""Passages become an answer."""

from citydip_rag.generation.base import GenerationRequest, Generator
from citydip_rag.generation.extractive import ExtractiveGenerator
from citydip_rag.generation.registry import make_generator

__all__ = ["ExtractiveGenerator", "GenerationRequest", "Generator", "make_generator"]
