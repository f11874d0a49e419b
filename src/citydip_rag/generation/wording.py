"""The words of a question that name something, and those of them that name a subject."""

from __future__ import annotations

import re
from typing import Final

from citydip_rag.corpus.language import FUNCTION_WORDS
from citydip_rag.schema import Language

_INDONESIAN: Final = """
alasan akibat bahaya bagian batasan bentuk besar bukti bunyi cara ciri contoh dampak daftar dasar
detail efek faktor fakta fungsi gambaran hambatan hasil isi isu jenis jumlah kelebihan kelemahan
kekurangan kendala kerugian kesimpulan keuntungan konsekuensi langkah lanjut lengkap maksud manfaat
masalah nyata pengaruh pengecualian penyebab peluang peran perbedaan pertama poin ringkasan rinci
risiko sanksi sejarah singkat solusi syarat tantangan tahap tahapan terbesar terburuk terkecil
terjadi terpenting tujuan unsur utama penting kedua ketiga lain lainnya lanjutkan menarik
ancaman aturan larangan kewajiban hak biaya waktu tepatnya persisnya konkret spesifik maksudnya
ceritakan uraikan ringkas ringkaskan rangkum simpulkan benar betul serius
seberapa besar kecil potensi kolaborasi menonjol berat ringan
"""
_ENGLISH: Final = """
do done
advantage advantages aim background benefit benefits biggest cause causes challenge challenges
concrete condition conditions consequence consequences cost costs detail details difference
differences disadvantages downside downsides drawback drawbacks effect effects evidence exactly
example examples exception exceptions fact facts factor factors first function further future goal
goals greatest happen happened history impact important issue issues kind kinds largest limits main
mean meaning opportunities opportunity outcome penalty point points precisely problem problems
purpose reason reasons real requirement requirements result results risk risks role rules sanction
sanctions second solution solutions specific specifically step steps summary third thing things
threat threats type types way ways weakness weaknesses worst else many others know continue
summarise summarize describe elaborate really true
"""
RELATIONAL: Final = frozenset([*_INDONESIAN.split(), *_ENGLISH.split()])
"""Words that say what is asked of something, and leave open of what; in small letters."""
_WORD: Final = re.compile(r"[^\W\d_]{2,}(?:-[^\W\d_]+)*|\d+(?:/\d+)?[A-Z]?\b")
_SMALL: Final = FUNCTION_WORDS[Language.INDONESIAN] | FUNCTION_WORDS[Language.ENGLISH]


def words_of(text: str) -> list[str]:
    """All words and figures."""
    return _WORD.findall(text)


def naming_words(text: str) -> list[str]:
    """The words that name something, each once."""
    return list(dict.fromkeys(word for word in words_of(text) if word.lower() not in _SMALL))


def own_words(text: str) -> list[str]:
    """The words that name a subject: "challenges" only says what is asked of one."""
    return [word for word in naming_words(text) if word.lower() not in RELATIONAL]
