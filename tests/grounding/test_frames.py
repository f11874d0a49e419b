"""Openings that state nothing are no part of what is checked."""

from __future__ import annotations

import pytest

from citydip_rag.grounding.frames import without_frame


@pytest.mark.parametrize(
    "frame",
    [
        "Menurut dokumen tersebut, ",
        "Berdasarkan artikel ini, ",
        "Dokumen menyebutkan bahwa ",
        "Secara umum, ",
        "Pada dasarnya, ",
        "Oleh karena itu, ",
        "Selain itu, ",
        "Kedua, ",
        "According to the passage, ",
        "The document states that ",
        "In summary, ",
        "Therefore, ",
        "Secondly, ",
    ],
)
def test_an_opening_is_left_out(frame: str) -> None:
    assert without_frame(f"{frame}kota bekerja sama.") == "kota bekerja sama."


@pytest.mark.parametrize(
    "claim",
    [
        "Menurut dokumen.",
        "Kedua kota bekerja sama.",
        "Jadinya kota maju.",
        "In 2019 the cities met.",
        "Pertama kali kota bertemu pada 2019.",
        "The second city joined.",
        "Menurut Budi, kota maju.",
        "",
    ],
)
def test_what_says_something_stays(claim: str) -> None:
    assert without_frame(claim) == claim
