"""What the texts alone tell: every kind of finding, where it is due and where it is not."""

from __future__ import annotations

import pytest

from citydip_rag import Language
from citydip_rag.grounding import Reason, say
from citydip_rag.grounding.comparing import KINDS
from citydip_rag.grounding.exact import exact_findings, paired
from citydip_rag.grounding.logic import logic_findings
from citydip_rag.grounding.numbers import interpretations, numbers_of
from citydip_rag.grounding.words import words_of


def kinds(claim: str, evidence: str) -> set[str]:
    pair = paired(claim, evidence, evidence)
    return {finding.kind for finding in (*exact_findings(pair), *logic_findings(pair))}


FOUND = [
    ("number", "Ada 300 kota.", "Ada 200 kota."),
    ("number", "It has 1.5 million people.", "Penduduknya 2,5 juta orang."),
    ("number", "It happened in 2019.", "Itu terjadi pada tahun 2018."),
    ("number", "Ribuan walikota hadir.", "Ratusan walikota hadir."),
    ("number", "Sebanyak 50 walikota hadir.", "Puluhan walikota hadir."),
    ("number", "Abad ke-21.", "Abad ke-20."),
    ("count", "Tiga kota ikut.", "Dua kota ikut."),
    ("ordinal", "Juara ketiga.", "Juara kedua."),
    ("unit", "Panjangnya 5 km.", "Panjangnya 5 meter."),
    ("unit", "It rose by 40 percent.", "Ada 40 kota yang naik."),
    ("unit", "Harganya Rp5.000.", "Harganya $5.000."),
    ("date", "Acara itu pada 3 Mei 2020.", "Acara itu pada 3 April 2020."),
    ("date", "It was signed on Monday.", "Ditandatangani hari Selasa."),
    ("name", "Walikota bertemu di Bandung.", "Walikota bertemu di London."),
    ("name", "France withdrew from the agreement.", "Beberapa negara menarik diri."),
    ("name", "Indonesia withdrew.", "Several large countries withdrew."),
    ("name", "The talks were held by NATO.", "Pembicaraan itu diadakan oleh ASEAN."),
    ("negation", "Kota tidak bekerja sama.", "Kota bekerja sama."),
    ("negation", "Cities don't cooperate.", "Cities cooperate."),
    ("negation", "No city joined.", "Semua kota bergabung."),
    ("negation_left_out", "Kota bekerja sama.", "Kota tidak bekerja sama."),
    ("negation_left_out", "Mayors attended.", "Mayors never attended."),
    ("quantifier_all", "Semua kota ikut.", "Beberapa kota ikut."),
    ("quantifier_all", "Every city joined.", "Sebagian kota bergabung."),
    ("quantifier_only", "Hanya London ikut.", "London ikut."),
    ("quantifier", "Mayors rarely travel.", "Mayors often travel."),
    ("modality", "Cities must pay.", "Cities may pay."),
    ("modality", "Kota wajib membayar.", "Kota dapat membayar."),
    ("modality_left_out", "Kota membayar.", "Kota dapat membayar."),
    ("opposite", "Emisi meningkat.", "Emisi menurun."),
    ("opposite", "Negara itu bergabung.", "Negara itu menarik diri."),
    ("opposite", "Exports fell.", "Exports rose."),
    ("role", "Investor menemui walikota.", "Walikota menemui investor."),
    ("role", "Jakarta lebih besar daripada Bandung.", "Bandung lebih besar daripada Jakarta."),
    ("role", "Walikota dibantu oleh menteri.", "Walikota membantu menteri."),
    ("role", "Rivals praised mayors.", "Mayors praised rivals."),
    (
        "opposite",
        "Walikota lebih lambat daripada menteri.",
        "Walikota lebih cepat daripada menteri.",
    ),
    ("number", "Harganya Rp 5.", "Harganya Rp 5.000."),
    ("number", "Harganya Rp ⑨ ribu.", "Harganya Rp 5.000."),
    ("number", "Harganya Rp ９.０００.", "Harganya Rp 5.000."),
    ("modality", "Kota boleh membayar.", "Kota wajib membayar."),
    ("modality", "Kota akan membayar.", "Kota membayar."),
    ("modality", "The city almost signed it.", "The city signed it."),
    ("negation", "Perjanjian itu dibatalkan.", "Perjanjian itu ditandatangani."),
    ("subject", "Pegawai dikenakan denda.", "Pelanggar dikenakan denda. Pegawai memasang papan."),
    ("object", "Mayors praised ministers.", "Mayors praised rivals. Nobody knows ministers."),
    ("bound", "Denda paling sedikit Rp 500.000.", "Denda paling banyak Rp 500.000."),
    ("bound", "Denda Rp 500.000.", "Denda paling banyak Rp 500.000."),
    ("bound", "Berlaku sampai 1 Maret 2023.", "Berlaku mulai 1 Maret 2023."),
    ("bound", "It is repaid after ten years.", "It is repaid within ten years."),
    ("bound", "Turun menjadi 30 persen.", "Turun sebesar 30 persen."),
    ("rate", "Rp 5.000 per hari.", "Rp 5.000 per jam."),
    ("rate", "They meet every week.", "Mereka bertemu setiap hari."),
    (
        "relation",
        "The pact was signed before the council approved the budget.",
        "Before the pact was signed, the council approved the budget.",
    ),
    ("relation", "They came although it rained.", "They came because it rained."),
    ("cause", "Kota itu kaya karena dagang.", "Kota itu kaya, dagang ramai."),
    ("choice", "Denda dan kurungan.", "Denda atau kurungan."),
    ("choice", "A fine or jail.", "A fine and jail."),
    ("binding", "Mobil Rp 2.000.", "Mobil Rp 5.000 dan motor Rp 2.000."),
    ("binding", "Ada 40 ahli.", "Ada 12 ahli dan 40 pegawai."),
    (
        "binding",
        "Mereka bertemu Budi Yoshimura.",
        "Mereka bertemu Budi Santoso, juga ada Hiro Yoshimura.",
    ),
    ("another", "Gubernur menetapkan tarif.", "Wali kota menetapkan tarif."),
    ("negation", "Kota tidak lagi mengurus got.", "Kota tidak lagi hanya mengurus got."),
    ("negation", "Mayors no longer run cities.", "Mayors no longer just run cities."),
    ("negation_left_out", "State actors matter.", "Non-state actors matter."),
    ("negation", "Aktor non-negara penting.", "Aktor negara penting."),
    ("opposite", "Kota enggan ikut.", "Kota gencar ikut."),
    ("opposite", "It hinders trade.", "Itu mendorong perdagangan."),
    ("condition", "Tiket masuk gratis.", "Tiket masuk gratis jika hujan turun."),
    ("condition", "Children enter free.", "Children under 5 enter free."),
]


@pytest.mark.parametrize(("kind", "claim", "evidence"), FOUND)
def test_what_is_found(kind: str, claim: str, evidence: str) -> None:
    assert kind in kinds(claim, evidence)


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("Penduduknya 1.500.000 orang.", "It has 1.5 million people."),
        ("It costs 1,500 dollars.", "Harganya 1.500 dolar."),
        ("Twenty-five cities joined.", "Dua puluh lima kota bergabung."),
        ("Seratus dua puluh kota.", "120 kota."),
        ("It is 5 km long.", "Panjangnya 5.000 meter."),
        ("40 percent of it.", "40% dari itu."),
        ("Ratusan kota ikut.", "Sebanyak 120 kota ikut."),
        ("Acara itu pada 25 April 2020.", "Acara itu pada Sabtu (25/4/2020)."),
        ("It began in August.", "Itu dimulai pada Agustus."),
        ("Salah satu kota ikut.", "Kota ikut."),
        ("It is in the United States.", "Itu di Amerika Serikat."),
        ("This was the UN.", "Itu Perserikatan Bangsa-Bangsa."),
        ("They signed the Paris Agreement.", "Mereka menandatangani Perjanjian Paris."),
        ("Tidak hanya London ikut.", "London ikut."),
        ("Kota tidak ikut.", "Kota tidak ikut."),
        ("Kota menolak ikut.", "Kota tidak ikut."),
        ("Beberapa kota ikut.", "Semua kota ikut."),
        ("Kota harus membayar.", "Kota wajib membayar."),
        ("Emisi meningkat.", "Emisi meningkat, tidak menurun."),
        ("Menteri dibantu oleh walikota.", "Walikota membantu menteri."),
        ("Rivals were praised by mayors.", "Mayors praised rivals."),
        ("Harganya Rp 5 ribu.", "Harganya Rp ٥٬٠٠٠."),
        ("Berlaku sejak 1 Maret 2023.", "Berlaku mulai 1 Maret 2023."),
        ("Turun 30 persen.", "It fell by 30 percent."),
        ("Denda maksimal Rp 500.000.", "Denda paling banyak Rp 500.000."),
        ("Kota tidak boleh ikut.", "Kota tidak boleh ikut."),
        ("Mobil Rp 5.000.", "Rp 5.000 untuk mobil dan Rp 2.000 untuk motor."),
        ("Kota 3 bekerja sama dengan kota lain.", "Kota 3 bekerja sama dengan 5 kota lain."),
        ("Ada 40 pegawai.", "Ada 12 ahli dan 40 pegawai."),
        (
            "The council approved the budget before the pact was signed.",
            "Before the pact was signed, the council approved the budget.",
        ),
        ("Denda atau kurungan.", "Denda atau kurungan."),
        ("Paling lambat, tidak lebih dari tiga hari.", "Paling lambat tiga hari."),
        ("Kota tidak lepas dari masalah.", "Kota menghadapi masalah."),
        ("Kurang lebih tiga tahun.", "Tiga tahun."),
        ("Non-state actors matter.", "Aktor non-negara penting."),
        ("Di London walikota menemui investor.", "Walikota menemui investor di London."),
    ],
)
def test_what_is_said_otherwise_is_not_found(claim: str, evidence: str) -> None:
    assert kinds(claim, evidence) == set()


@pytest.mark.parametrize("text", sorted({text for _, *texts in FOUND for text in texts}))
def test_a_sentence_contradicts_nothing_in_itself(text: str) -> None:
    assert kinds(text, text) == set()


def test_every_kind_is_tried_and_can_be_said() -> None:
    assert {kind for kind, _, _ in FOUND} | {"name_elsewhere", "strange"} == set(KINDS)
    for language in Language:
        for kind in (*KINDS, "word", "weak", "no_evidence", "too_long"):
            assert say(Reason(kind, "2019"), language).endswith((".", ").", ")"))
    assert say(Reason("number", "2019"), Language.ENGLISH) == "2019 is not in the evidence."
    assert say(Reason("number", "2019"), Language.INDONESIAN) == "2019 tidak ada dalam bukti."


def test_a_name_given_elsewhere_in_the_passage() -> None:
    context = "Perjanjian Paris mengikat. Negara menarik diri dari perjanjian ini."
    pair = paired("Negara keluar dari Perjanjian Paris.", context.split(". ")[1], context)
    assert [f.kind for f in exact_findings(pair)] == ["name_elsewhere"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1.500", {1500}),
        ("1.525", {1525, 1.525}),
        ("1,5", {1.5}),
        ("1.234.567", {1234567}),
        ("1.234,56", {1234.56}),
        ("1,234.56", {1234.56}),
        ("0.125", {0.125}),
        ("7", {7}),
    ],
)
def test_separators(written: str, meant: set[float]) -> None:
    assert interpretations(written) == meant


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("dua ribu dua puluh enam", 2026),
        ("sebelas", 11),
        ("lima belas", 15),
        ("tiga ratus", 300),
        ("two hundred and", 200),
        ("three million four hundred thousand", 3_400_000),
        ("1,5 juta", 1_500_000),
        ("ke-3", 3),
        ("21st", 21),
        ("XIV", 14),
        ("1990-an", 1990),
    ],
)
def test_numbers(text: str, value: float) -> None:
    (number,) = numbers_of(words_of(text, 20))
    assert number.values == {value}


@pytest.mark.parametrize(
    "text", ["", "!?", "[1]", "%", "-" * 50, "\x00", "１２３ ② ½", "ke-", "'", "İ"]
)
def test_odd_texts(text: str) -> None:
    assert kinds(text, "Kota bekerja sama.") <= {"number", "name"}
    assert kinds("Kota bekerja sama.", text) == set()
