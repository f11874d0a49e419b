"""`POST /ask` and `POST /search`."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from citydip_rag.schema import (
    MAX_QUESTION_CHARACTERS,
    MAX_TOP_K,
    Answer,
    Language,
    SearchResult,
)
from citydip_rag.server.dependencies import EngineDep
from citydip_rag.server.problems import MEDIA_TYPE, Problem

router = APIRouter(tags=["questions"])

_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "content": {MEDIA_TYPE: {}}, "description": description}
    for status, description in (
        (413, "The body is larger than 64 KiB"),
        (422, "A field is not valid; `errors` names it"),
        (502, "The generator failed"),
    )
}
_EXAMPLES: Final = {
    "Indonesian": {"value": {"question": "Apa tantangan terbesar diplomasi kota?"}},
    "English": {"value": {"question": "What is the greatest challenge of city diplomacy?"}},
    "Not in the documents": {"value": {"question": "Berapa jumlah penduduk Jakarta?"}},
}

Question = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=MAX_QUESTION_CHARACTERS, strict=True
    ),
]


class SearchRequest(BaseModel):
    """A question, and where to look."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[Question, Field(description="In Indonesian or English.")]
    top_k: Annotated[
        int | None, Field(ge=1, le=MAX_TOP_K, strict=True, description="Passages to return.")
    ] = None
    documents: Annotated[
        list[str] | None,
        Field(min_length=1, max_length=1000, description="Ids of the only documents to use."),
    ] = None


class AskRequest(SearchRequest):
    """A question, where to look, and in which language to answer."""

    language: Annotated[
        Language | None, Field(description="Of the answer's own words; default: the question's.")
    ] = None


@router.post("/ask", responses=_PROBLEMS, summary="Ask a question")
async def ask(
    request: Annotated[AskRequest, Body(openapi_examples=_EXAMPLES)],
    engine: EngineDep,
) -> Answer:
    """Answer from the documents with exact citations, or abstain."""
    return await engine.ask(
        request.question,
        language=request.language,
        top_k=request.top_k,
        documents=request.documents,
    )


@router.post("/search", responses=_PROBLEMS, summary="Find passages")
async def search(
    request: Annotated[SearchRequest, Body(openapi_examples=_EXAMPLES)],
    engine: EngineDep,
) -> SearchResult:
    """The best passages for a question, without an answer."""
    return await engine.search(request.question, top_k=request.top_k, documents=request.documents)
