"""What opens a sentence and states nothing: "According to the passage", "Oleh karena itu"."""

from __future__ import annotations

import re
from typing import Final

_TEXT: Final = (
    r"(?:dokumen|teks|bagian|artikel|bacaan|tulisan|sumber|pasal)(?:-\w+)?"
    r"(?:\ (?:ini|itu|tersebut|di\ atas))?"
)
_PASSAGE: Final = (
    r"(?:(?:the|this|these|that)\ )?(?:(?:given|provided|above)\ )?"
    r"(?:passage|document|text|article|guideline|source|provision)s?(?:\ above)?"
)
_FRAME: Final = re.compile(
    rf"""^\W*(?:
      (?:menurut|berdasarkan|dalam|di\ dalam|pada)\ (?:isi\ )?{_TEXT}
    | {_TEXT}\ (?:menyatakan|menyebutkan|menjelaskan|mengatakan
        |menekankan|menunjukkan|menyimpulkan)(?:\ bahwa)?
    | secara\ (?:umum|ringkas|singkat|keseluruhan) | (?:pada\ )?(?:dasar|inti|kesimpulan|ringkas)nya
    | singkatnya | (?:oleh\ )?(?:karena|sebab)\ itu | dengan\ demikian | (?:selain|di\ samping)\ itu
    | jadi | namun(?:\ demikian)? | (?:yang\ )?(?:pertama|kedua|ketiga|keempat|kelima)(?=,)
    | (?:according\ to|based\ on|as\ stated\ in|in|per)\ {_PASSAGE}
    | {_PASSAGE}\ (?:states?|says?|notes?|mentions?|describes?|explains?
        |shows?|emphasi[sz]es?)(?:\ that)?
    | overall | in\ (?:short|summary|general|essence|conclusion|addition) | generally(?:\ speaking)?
    | to\ summari[sz]e | essentially | basically | therefore | thus | hence | however | moreover
    | furthermore | additionally | also | as\ a\ result
    | (?:first|second|third|fourth|fifth)(?:ly)?(?=,)
    )[\s,:;–—]+""",
    re.IGNORECASE | re.VERBOSE,
)


def without_frame(claim: str) -> str:
    """The claim without such an opening, if something is left of it."""
    rest = _FRAME.sub("", claim, count=1)
    return rest if any(map(str.isalnum, rest)) else claim
