"""Rules for Indonesian, whose questions keep the order of the sentence's words."""

from __future__ import annotations

import re
from typing import Final

from citydip_rag.evaluation.drafting.rules import Draft, Found, Rule, capitalised
from citydip_rag.evaluation.drafting.statements import Statement
from citydip_rag.schema import Language

NO_TERM: Final = re.compile(
    r"^(?:ada|salah|tujuan|hal|yang|dalam|pada|untuk|dengan|jika|apabila|setiap|para|banyak|beberapa"
    r"|semua|oleh|karena|sebagai|bagi|di|ke|dari|sesuai|selama|setelah|ketika|bahwa|contoh|adapun"
    r"|menurut|penjelasan|ayat|pasal|hari|tiap|pengertian|istilah|maksud|begitu|juga|bagaimana"
    r"|tidak|bukan|belum|hanya|antara|berdasarkan|terhadap|kecuali|apa|siapa|menetapkan)\b"
    r"|\b(?:ini|itu|tersebut|mereka|ia|dia|kami|kita|yang|dapat|akan|telah|tidak|harus|wajib|untuk|adalah|sudah|agar|sehingga|oleh|bahwa)\b",
    re.IGNORECASE,
)
_SEATED: Final = ("berbadan", "berkedudukan", "berdomisili", "berjumlah")
"""Verbs that say what an office is like, not what it does."""
_TWICE: Final = re.compile(r"\b(\w+)-\1\b", re.IGNORECASE)
"""A word said twice: things of a kind, and no term."""
_AGENT: Final = re.compile(
    r"^(?:Wakil |Para )?(?:Presiden|Menteri|Pemerintah|Gubernur|Bupati|Wali ?kota|Majelis|Dewan"
    r"|Mahkamah|Badan|Penyelenggara|Pengguna|Penyidik|Pemilik|Pelaku|Masyarakat|Kepala|Komisi|Ketua"
    r"|Hakim|Lembaga|Pengirim|Penerima|Kementerian|Direktur|Direktorat|Kepolisian|Tentara|Kejaksaan"
    r"|Sekretaris|Panitia|Tim|Dinas|Instansi|Perusahaan|Notaris|Bank|Produsen|Petani|Guru|Rektor)\b"
)
_VERB: Final = (
    r"(?:(?:wajib|harus|dapat|berhak|berwenang|telah|sudah|akan|bisa|mampu|kini|sering(?:kali)?) )*"
    r"(?:me(?:m|n|ng|ny|r|l)?[a-z]{3,}|ber[a-z]{3,}"
    r"|wajib|berhak|berwenang)"
)
_NUMBER: Final = (
    r"(?:\d+(?:[.,]\d+)*|se(?:puluh|ratus)|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan)"
    r"(?: (?:belas|puluh|ratus|ribu|juta))*(?: \([a-z ]+\))?"
)
_UNIT: Final = r"(?:tahun|bulan|minggu|hari|jam|menit|orang|kali|persen|anggota|kota|negara|meter)"
_MONTH: Final = (
    r"(?:Januari|Februari|Maret|April|Mei|Juni|Juli|Agustus|September|Oktober|November|Desember)"
)
_DATE: Final = (
    rf"(?:pada )?(?:tanggal \d{{1,2}} {_MONTH} \d{{4}}|tahun \d{{4}}|bulan {_MONTH} \d{{4}})"
)


def _statute(statement: Statement) -> str:
    return f" menurut {statement.label}" if statement.label else ""


def _definition(found: Found) -> Draft | None:
    """Apa yang dimaksud dengan X? Of other documents than statutes: Apa itu X?"""
    term = re.split(r",? yang selanjutnya ", found["x"])[0].strip(' ,“”"')
    if (
        _TWICE.search(term)
        or NO_TERM.search(term)
        or len(term.split()) > 6
        or "," in term
        or term.endswith(")")
    ):
        return None
    if len(found["y"].split()) < 4:
        return None
    topic = found.inside(term)
    asked = (
        f"Apa yang dimaksud dengan {topic}{_statute(found.statement)}?"
        if found.statement.label
        else f"Apa itu {topic}?"
    )
    treated = "" if _AGENT.match(term) else topic
    return Draft("definition", asked, found.statement, Language.INDONESIAN, topic, treated)


def _who(found: Found) -> str | None:
    subject, rest = found["x"], found["rest"]
    if NO_TERM.search(subject) or len(rest.split()) < 4 or not 25 <= len(rest) <= 100:
        return None
    if _AGENT.match(subject) and not rest.startswith(_SEATED):
        return f"Siapa yang {rest}{_statute(found.statement)}?"
    if found.statement.label or found["verb"].startswith(
        ("ber", "merupakan", "menjadi", "memiliki")
    ):
        return None
    return f"Apa yang {rest}?"


def _penalty(found: Found) -> str:
    return f"Apa ancaman pidana bagi orang yang melanggar {found['what']} {found.statement.label}?"


def _number(found: Found) -> Draft | None:
    before, number, unit, after = found["before"], found["n"], found["unit"], found["after"]
    figures = rf"\d|\b{_NUMBER} {_UNIT}\b"
    if re.search(figures, before) or re.search(figures, after) or len(before.split()) < 2:
        return None
    bare, _, spelt = number.partition(" (")
    ways = tuple(dict.fromkeys(f"{way} {unit}" for way in (number, bare, spelt.rstrip(")")) if way))
    asked = f"{capitalised(before)} berapa {unit}{after}{_statute(found.statement)}?"
    return Draft("number", asked, found.statement, Language.INDONESIAN, facts=(ways,))


def _when(found: Found) -> str | None:
    clause = found["clause"].strip(" ,")
    if not 3 <= len(clause.split()) <= 16 or re.search(r"\d{4}|,", clause):
        return None
    return f"Kapan {found.inside(clause)}?"


def _why(found: Found) -> str | None:
    clause = found["clause"].strip(" ,")
    if not 4 <= len(clause.split()) <= 16 or "," in clause or _CLOSE.search(clause):
        return None
    return f"Mengapa {found.inside(clause)}?"


def _listing(found: Found) -> str | None:
    what = found["x"]
    if len(what.split()) > 12 or "," in what or _BEGINS_CLAUSE.match(what):
        return None
    said = found["verb"]
    return f"{what} {said} apa saja{_statute(found.statement)}?"


def _by_whom(found: Found) -> str | None:
    what = found["x"]
    if len(what.split()) > 10 or "," in what or _BEGINS_CLAUSE.match(what):
        return None
    if re.search(r"\b(?:yang|adalah|ialah|merupakan|agar|untuk|di[a-z]{3,}(?:kan|i))\b", what):
        return None
    if len(found["agent"].split()) > 14:
        return None
    return f"Oleh siapa {found.inside(what)} {found['verb']}{_statute(found.statement)}?"


def _through(found: Found) -> str | None:
    what = found["x"]
    if len(what.split()) > 18 or _BEGINS_CLAUSE.match(what) or found.statement.label:
        return None
    return f"Melalui apa {found.inside(what)}?"


def _whether(found: Found) -> str | None:
    """Of prose alone: a statute's sentences say what shall be."""
    what = found["x"]
    if found.statement.label or _BEGINS_CLAUSE.match(what) or _SOME.match(what):
        return None
    return f"Benarkah {found.inside(what)}?"


def _aim(found: Found) -> str | None:
    what = found["x"]
    if len(what.split()) > 8 or "," in what or _BEGINS_CLAUSE.match(what):
        return None
    return f"Apa tujuan {found.inside(what)}{_statute(found.statement)}?"


_SOME: Final = re.compile(
    r"^(?:Banyak|Beberapa|Salah satu|Ada|Begitu|Penting|Meskipun|Walaupun|Karena) "
)
_CLOSE: Final = re.compile(r"\boleh$|\byang (?:\S+ ){0,2}\S+$")
"""The end of a clause that a reason belongs to, rather than to the whole."""
_BEGINS_CLAUSE: Final = re.compile(
    r"^(?:atas|dalam|pada|jika|apabila|untuk|selain|dengan|bagi|oleh|setelah|ketika|agar|sehingga|yang"
    r"|ketentuan lebih|berdasarkan|menimbang|mengingat|bahwa|tindak pidana)\b",
    re.IGNORECASE,
)

RULES: Final = (
    Rule(
        "penalty",
        re.compile(
            r"(?:Setiap [Oo]rang|Barang siapa) yang (?:memenuhi unsur|melanggar ketentuan)"
            r" sebagaimana dimaksud (?:dalam|pada) (?P<what>Pasal \d+[A-Z]?(?: ayat \(\d+\))?),?"
            r" dipidana\b"
        ),
        _penalty,
    ),
    Rule(
        "definition",
        re.compile(
            r"(?:Yang dimaksud dengan )?(?P<x>[“\"A-Z][^:;]{2,90}?) (?:adalah|ialah|merupakan)"
            r" (?P<y>.{20,})"
        ),
        _definition,
    ),
    Rule("aim", re.compile(r"(?P<x>[A-Z].{3,70}?) bertujuan\b.*"), _aim, listing=True),
    Rule(
        "list",
        re.compile(
            r"(?P<x>[A-Z].{5,90}?) (?P<verb>meliputi|mencakup|terdiri atas|terdiri dari|memuat)\b.*"
        ),
        _listing,
        listing=True,
    ),
    Rule(
        "number",
        re.compile(
            rf"(?P<before>[A-Z].{{8,110}}?) (?P<n>{_NUMBER}) (?P<unit>{_UNIT})\b"
            r"(?P<after>[^,;]{0,60})(?:,.*)?$"
        ),
        _number,
    ),
    Rule("when", re.compile(rf"(?:Pada )?(?:{_DATE}),? (?P<clause>.+)$", re.IGNORECASE), _when),
    Rule("when", re.compile(rf"(?P<clause>[A-Z].+?) {_DATE}$"), _when),
    Rule("why", re.compile(r"(?P<clause>[A-Z].+?),? karena .{15,}$"), _why),
    Rule(
        "by whom",
        re.compile(
            r"(?P<x>[A-Z].{3,90}?) (?P<verb>(?:dapat )?di[a-z]{4,}) oleh (?P<agent>[A-Za-z].{3,})$"
        ),
        _by_whom,
    ),
    Rule(
        "who",
        re.compile(
            rf"(?P<x>[A-Z][\w/-]*(?: [\w/-]+){{0,5}}?)"
            rf" (?P<rest>(?P<verb>{_VERB})\b.+)$"
        ),
        _who,
    ),
    Rule("through", re.compile(r"(?P<x>[A-Z].{20,110}) melalui (?P<y>[^.]{10,})$"), _through),
    Rule("whether", re.compile(r"(?P<x>[A-Z].{30,105})$"), _whether),
)
