"""Documents over HTTP: listed, read, added, removed; and who may do so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from citydip_rag import Engine, Settings
from citydip_rag.embedding import Embedder
from citydip_rag.errors import UploadError
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server.app import create_app
from citydip_rag.server.limits import MAX_UPLOAD_BYTES
from citydip_rag.server.routes.documents import MAX_TEXT
from citydip_rag.uploads import Upload

ROOT = Path(__file__).resolve().parents[2]
PROBLEM = "application/problem+json"
BASE = "http://127.0.0.1"
TEXT = "# Kota Kembar\n\nBandung dan Braunschweig bersahabat sejak tahun 1960.\n"


@pytest.fixture
def library(own_settings: Settings, embedder: Embedder) -> Library:
    """A library of its own with one document."""
    return Library(LiveEngine(Engine.open(own_settings, embedder)))


@pytest.fixture
async def client(library: Library) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(library))
    with library.working():
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as opened:
            yield opened


def changed(library: Library, **values: object) -> Library:
    """The same library under other settings."""
    engine = library.live.current
    settings = Settings(**{**dict(engine.settings), **values})
    return Library(LiveEngine(Engine.open(settings, engine.embedder)))


async def send(client: httpx.AsyncClient, name: str, content: bytes, **more: str) -> httpx.Response:
    return await client.post("/documents", files={"files": (name, content)}, params=more)


async def finished(client: httpx.AsyncClient) -> dict[str, object]:
    for _ in range(600):
        job: dict[str, object] = (await client.get("/indexing")).json()
        if job["state"] in {"done", "failed"}:
            return job
        await asyncio.sleep(0.05)
    raise AssertionError("the indexing does not end")


async def sources(client: httpx.AsyncClient) -> dict[str, str]:
    listed = (await client.get("/documents")).json()["documents"]
    return {document["source"]: document["id"] for document in listed}


async def test_a_document_is_added_asked_and_removed(client: httpx.AsyncClient) -> None:
    response = await send(client, "kembar.md", TEXT.encode())
    assert response.status_code == 202
    assert response.json()["sources"] == ["kembar.md"]
    job = await finished(client)
    assert job["state"] == "done"
    assert {file["source"]: file["status"] for file in job["files"]} == {
        "awal.txt": "unchanged",
        "kembar.md": "indexed",
    }
    answer = (
        await client.post(
            "/ask", json={"question": "Sejak kapan Bandung dan Braunschweig bersahabat?"}
        )
    ).json()
    assert answer["citations"][0]["source"] == "kembar.md"
    identity = (await sources(client))["kembar.md"]
    assert (await client.delete(f"/documents/{identity}")).status_code == 202
    assert (await finished(client))["state"] == "done"
    assert (await sources(client)).keys() == {"awal.txt"}
    assert (await client.get(f"/documents/{identity}")).status_code == 404


async def test_a_document_can_be_read(client: httpx.AsyncClient, library: Library) -> None:
    (identity,) = (await sources(client)).values()
    text = library.document(identity).text
    detail = (await client.get(f"/documents/{identity}")).json()
    assert (detail["title"], detail["characters"], detail["language"]) == ("Awal", len(text), "id")
    part = (await client.get(f"/documents/{identity}/text", params={"start": 2, "end": 9})).json()
    assert (part["start"], part["end"], part["text"]) == (2, 9, text[2:9])
    beyond = (await client.get(f"/documents/{identity}/text", params={"start": 10**9})).json()
    assert (beyond["start"], beyond["text"]) == (len(text), "")
    missing = await client.get("/documents/nothing/text")
    assert (missing.status_code, missing.headers["content-type"]) == (404, PROBLEM)


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("gambar.png", b"x", 415, "cannot be read"),
        ("kosong.txt", b"", 422, "is empty"),
        (".txt", b"x", 422, "has no name"),
        ("awal.txt", b"lain", 409, "another file"),
    ],
)
async def test_what_cannot_be_added_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, library: Library, name: str, content: bytes, status: int, said: str
) -> None:
    response = await send(client, name, content)
    assert response.status_code == status
    assert response.headers["content-type"] == PROBLEM
    assert said in response.json()["detail"]
    folder = library.live.current.settings.seeds
    assert [path.name for path in folder.iterdir()] == ["awal.txt"]
    assert "lain." in (folder / "awal.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\Rini\\surat.txt", "surat.txt"),
        ("nama dengan 'kutip' dan 🙂.md", "nama dengan 'kutip' dan 🙂.md"),
        ("e\u0301te\u0301.txt", "été.txt"),
        ("a\u202etxt.md", "a_txt.md"),
        ("x" * 300 + ".txt", "x" * 196 + ".txt"),
    ],
)
async def test_names_are_made_fit(
    client: httpx.AsyncClient, library: Library, name: str, kept: str
) -> None:
    assert library.add(Upload(name, BytesIO(b"Isi kota."))) == [kept]
    assert (library.live.current.settings.seeds / kept).read_bytes() == b"Isi kota."
    assert (await finished(client))["state"] == "done"
    assert kept in await sources(client)


async def test_a_file_is_replaced_only_when_told(client: httpx.AsyncClient) -> None:
    assert (
        await send(client, "awal.txt", b"Isi baru sama sekali.", replace="true")
    ).status_code == 202
    await finished(client)
    (identity,) = (await sources(client)).values()
    text = (await client.get(f"/documents/{identity}/text")).json()["text"]
    assert text == "Isi baru sama sekali."


async def test_a_bad_file_is_reported_and_can_be_removed(client: httpx.AsyncClient) -> None:
    await send(client, "rusak.pdf", b"%PDF-1.4 nothing")
    job = await finished(client)
    assert job["state"] == "done"
    (bad,) = [f for f in (await client.get("/documents")).json()["documents"] if f["reason"]]
    assert (bad["source"], bad["status"]) == ("rusak.pdf", "failed")
    unread = await client.get(f"/documents/{bad['id']}/text")
    assert unread.status_code == 404
    assert unread.json()["detail"] == f"rusak.pdf could not be read. {bad['reason']}"
    assert (await client.delete(f"/documents/{bad['id']}")).status_code == 202
    await finished(client)
    assert (await sources(client)).keys() == {"awal.txt"}


@pytest.mark.parametrize(
    ("settings", "headers", "because"),
    [
        ({}, {}, ""),
        ({}, {"origin": BASE}, ""),
        ({}, {"origin": "http://evil.example"}, "origin"),
        ({"host": "0.0.0.0", "auth": "none"}, {}, "network"),  # noqa: S104
        ({"host": "0.0.0.0", "auth": "none", "uploads": "on"}, {}, ""),  # noqa: S104
        ({"uploads": "off"}, {}, "off"),
        ({"api_key": "0123456789abcdef"}, {}, "key"),
        ({"api_key": "0123456789abcdef"}, {"authorization": "Bearer wrong"}, "key"),
        ({"api_key": "0123456789abcdef"}, {"authorization": "Bearer 0123456789abcdef"}, ""),
    ],
)
async def test_who_may_change_documents(
    library: Library,
    settings: dict[str, object],
    headers: dict[str, str],
    because: str,
) -> None:
    app = create_app(changed(library, **settings))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as client:
        listed = (await client.get("/documents")).json()
        added = await send(client, "baru.txt", b"Isi kota.")
        removed = await client.delete(f"/documents/{listed['documents'][0]['id']}")
    assert (listed["changeable"], listed["locked"]) == (not because, because)
    assert (added.status_code, removed.status_code) == ((403, 403) if because else (202, 202))
    if because:
        assert added.json()["type"] == removed.json()["type"] == "urn:citydip-rag:documents-locked"
        assert "0123456789abcdef" not in added.text + removed.text


@pytest.mark.parametrize(("length", "status"), [(None, 411), (str(MAX_UPLOAD_BYTES + 1), 413)])
async def test_an_upload_says_how_long_it_is(
    client: httpx.AsyncClient, length: str | None, status: int
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"

    request = client.build_request("POST", "/documents", content=pieces())
    del request.headers["transfer-encoding"]
    if length:
        request.headers["content-length"] = length
    assert (await client.send(request)).status_code == status


async def test_behind_a_prefix_uploads_are_uploads_and_other_paths_the_api_s(
    library: Library,
) -> None:
    transport = httpx.ASGITransport(app=create_app(library), root_path="/kota")
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        large = b"Isi kota. " * 20_000
        sent = await client.post("/kota/documents", files={"files": ("baru.txt", large)})
        assert sent.status_code == 202
        wrong = await client.get("/kota/ask")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (("gambar.png", b"x"), "cannot be read"),
        (("kosong.txt", b""), "is empty"),
        (("awal.txt", b"lain"), "another file"),
        (("baru.txt", b"Isi lain."), "Two of the files"),
    ],
)
async def test_of_several_files_all_are_kept_or_none(
    client: httpx.AsyncClient, library: Library, last: tuple[str, bytes], said: str
) -> None:
    files = [("files", ("baru.txt", b"Isi kota.")), ("files", ("dua.txt", b"Isi desa."))]
    refused = await client.post("/documents", files=[*files, ("files", last)])
    assert refused.status_code in {409, 415, 422}
    assert refused.headers["content-type"] == PROBLEM
    assert said in refused.json()["detail"]
    assert "None of the 3 files was kept." in refused.json()["detail"]
    folder = library.live.current.settings.seeds
    assert [path.name for path in folder.iterdir()] == ["awal.txt"]
    kept = await client.post("/documents", files=files)
    assert kept.json()["sources"] == ["baru.txt", "dua.txt"]
    assert sorted(path.name for path in folder.iterdir()) == ["awal.txt", "baru.txt", "dua.txt"]


async def test_files_the_system_refuses_to_name_leave_none_behind(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def refuse_the_second(self: Path, target: Path) -> Path:
        if target.name == "dua.txt":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse_the_second)
    sent = [Upload(name, BytesIO(b"Isi kota.")) for name in ("baru.txt", "dua.txt")]
    with pytest.raises(UploadError, match="None of the 2 files was kept"):
        library.add(*sent)
    folder = library.live.current.settings.seeds
    assert [path.name for path in folder.iterdir()] == ["awal.txt"]


async def test_what_is_no_upload_is_told_how_to_be_one(client: httpx.AsyncClient) -> None:
    put = await client.put("/documents", content=b"x")
    assert (put.status_code, put.headers["allow"]) == (405, "GET, POST")
    form = {"content-type": "multipart/form-data"}
    bare = await client.post("/documents", content=b"x", headers=form)
    assert (bare.status_code, bare.headers["content-type"]) == (422, PROBLEM)
    assert "boundary" in bare.json()["detail"]
    assert "JSON" not in bare.json()["detail"]
    text = await client.post("/documents", files={"files": (None, "isi")})
    assert (text.status_code, text.headers["content-type"]) == (422, PROBLEM)
    assert "Send a file" in text.json()["detail"]
    assert "<class" not in text.text


async def test_a_long_text_comes_in_pages_as_the_readme_says(
    client: httpx.AsyncClient, library: Library
) -> None:
    long = f"Kota ini bekerja sama.{' ' * MAX_TEXT}Kota itu tidak."
    library.add(Upload("panjang.txt", BytesIO(long.encode())))
    await finished(client)
    path = f"/documents/{(await sources(client))['panjang.txt']}/text"
    read = ""
    while True:
        part = (await client.get(path, params={"start": len(read)})).json()
        assert len(part["text"]) <= MAX_TEXT
        read += part["text"]
        if part["end"] == part["characters"]:
            break
    assert read == long
    for name in ("README.md", "README.id.md"):
        said = (ROOT / name).read_text(encoding="utf-8").replace(".", ",")
        assert f"{MAX_TEXT:,} " in said
