"""E-mail messages: who wrote to whom and when, what they wrote, and what they attached."""

from __future__ import annotations

import codecs
import email
import mimetypes
import re
from collections.abc import Callable, Iterator
from email import policy
from email.message import MIMEPart
from pathlib import Path
from typing import Any, Final, TypeVar

from citydip_rag.corpus.base import MAX_MEMBERS, Extract, Loader, Member, TextBuilder
from citydip_rag.corpus.charsets import decode_as
from citydip_rag.corpus.markup import append_markup, parse_html
from citydip_rag.corpus.names import MemberNames
from citydip_rag.corpus.text import structure
from citydip_rag.errors import DocumentError

_T = TypeVar("_T")
_SHOWN: Final = ("From", "To", "Cc", "Date", "Subject")
_SIGNS: Final = frozenset({"from", "to", "date", "subject", "received", "message-id"})
"""A file with none of these is no message, though the parser takes anything for one."""
_MISHAPS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the standard library raises at malformed headers and content."""
_LONGEST_HEADER: Final = 10_000
"""Characters; the standard library takes apart a longer one in minutes, and mail has none."""
_PARAMETERS: Final = re.compile(
    rb"(?:\A|[\r\n])content-[a-z-]{1,40}:[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*)*", re.IGNORECASE
)
"""The headers it takes apart while it parses, of the message and of all its parts."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_AS_SENT: Final = policy.default.clone(refold_source="none")
_ASCII: Final = ("", "ascii", "us-ascii")


class EmailLoader(Loader):
    """Messages as mail programs save them."""

    suffixes = frozenset({".eml"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the file; the canonical text is the head a reader sees, and the message."""
        message = _parse(path.read_bytes(), name)
        builder = TextBuilder()
        for line in _head(message):
            builder.block(line)
        for part in _parts(message, name, _body):
            _append(part, builder)
        return builder.extract(_header(message, "Subject"))

    def members(self, path: Path, name: str) -> Iterator[Member]:
        """The files attached to it; an attached message is a message of its own.

        Raises:
            DocumentError: they cannot be taken out; says why and what to do.
        """
        names = MemberNames()
        attached = _parts(_parse(path.read_bytes(), name), name, _attachments)
        if len(attached) > MAX_MEMBERS:
            raise DocumentError(
                f"{name} holds more than {MAX_MEMBERS:,} files.",
                "Save the attachments you need into the folder.",
            )
        for part in attached:
            yield Member(names.give(_file_name(part)), _content(part, name))


def _parse(data: bytes, name: str) -> MIMEPart:
    data = data.removeprefix(codecs.BOM_UTF8).lstrip()
    if not data:
        raise DocumentError(f"{name} is empty.", "Fill it, or remove it from the folder.")
    if any(len(found[0]) > _LONGEST_HEADER for found in _PARAMETERS.finditer(data)):
        raise DocumentError(
            f"{name} has a header of more than {_LONGEST_HEADER:,} characters.",
            "Save the message's text as .txt, and what is attached as files of their own.",
        )
    message: MIMEPart | None = _told(lambda: email.message_from_bytes(data, policy=policy.default))
    if message is None or not _SIGNS & {header.lower() for header, _ in message.raw_items()}:
        raise DocumentError(
            f"{name} is not an e-mail message.", "Save it as .eml in your mail program again."
        )
    return message


def _told(question: Callable[[], _T]) -> _T | None:
    """An answer of the standard library, None where it fails at malformed input."""
    try:
        return question()
    except _MISHAPS:
        return None


def _parts(message: MIMEPart, name: str, choose: Callable[[Any], list[MIMEPart]]) -> list[MIMEPart]:
    parts = _told(lambda: choose(message))
    if parts is None:
        raise DocumentError(
            f"The parts of {name} are damaged.", "Save it in your mail program again."
        )
    return parts


def _head(message: MIMEPart) -> Iterator[str]:
    for shown in _SHOWN:
        spelled = next((key for key, _ in message.raw_items() if key.lower() == shown.lower()), "")
        if value := _header(message, shown):
            yield f"{spelled}: {value}"


def _header(message: MIMEPart, name: str) -> str:
    """A header's text; where there are more than one of the name, of all of them."""
    sent = [_repaired(raw) for key, raw in message.raw_items() if key.lower() == name.lower()]
    return ", ".join(" ".join(_clean(_decoded_header(name, raw)).split()) for raw in sent)


def _decoded_header(name: str, raw: str) -> str:
    """What a header says, or as it was sent if it is malformed or too long to be taken apart."""
    if len(raw) > _LONGEST_HEADER:
        return raw
    return _told(lambda: str(policy.default.header_fetch_parse(name, raw))) or raw


def _repaired(raw: str) -> str:
    """Header text with bytes in it that were sent without saying their encoding."""
    if raw.isascii():
        return raw
    data = raw.encode("utf-8", errors="surrogateescape")
    return decode_as(data, "utf-8") or data.decode("cp1252", errors="replace")


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def _body(part: MIMEPart) -> list[MIMEPart]:
    """The parts that are the message itself; of alternatives the plain one, if it is filled."""
    if not part.is_multipart():
        return [part] if _is_text(part) else []
    if part.get_content_maintype() != "multipart":
        return []
    choices = [_body(child) for child in part.iter_parts()]
    if part.get_content_subtype() != "alternative":
        return [leaf for choice in choices for leaf in choice]
    plain = [choice for choice in choices if any(not _is_html(leaf) for leaf in choice)]
    return next(iter(plain or filter(None, choices)), [])


def _is_text(leaf: MIMEPart) -> bool:
    """Also what should have parts and has none: a message cut off, or with a wrong boundary."""
    kind = leaf.get_content_maintype()
    return kind in {"text", "multipart"} and not _is_attached(leaf) and bool(_text(leaf).strip())


def _is_html(leaf: MIMEPart) -> bool:
    return leaf.get_content_type() == "text/html"


def _append(leaf: MIMEPart, builder: TextBuilder) -> None:
    text = _text(leaf)
    if _is_html(leaf):
        append_markup(parse_html(text), builder)
        return
    found = structure(text)
    # A short line of a letter is a greeting or a name more often than a heading.
    for span in sorted([*found.headings, *found.blocks], key=lambda span: span.start):
        builder.block(text[span.start : span.end])


def _text(leaf: MIMEPart) -> str:
    """A part's text in the encoding it says, or in the one it is in; no byte makes it fail."""
    data = _payload(leaf)
    charset = _told(leaf.get_content_charset) or ""
    declared = None if charset in _ASCII else decode_as(data, charset)
    text = declared or decode_as(data, "utf-8") or decode_as(data, charset, "replace")
    return _clean(text or data.decode("cp1252", errors="replace"))


def _payload(leaf: MIMEPart) -> bytes:
    data = _told(lambda: leaf.get_payload(decode=True))
    return data if isinstance(data, bytes) else b""


def _attachments(part: MIMEPart) -> list[MIMEPart]:
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        return [found for child in part.iter_parts() for found in _attachments(child)]
    return [part] if _is_attached(part) else []


def _is_attached(part: MIMEPart) -> bool:
    return (
        part.get_content_type() == "message/rfc822"
        or bool(_told(part.get_filename))
        or _told(part.get_content_disposition) == "attachment"
    )


def _file_name(part: MIMEPart) -> str:
    """The name it was attached under, without the folders of the sender's computer."""
    given = (
        _repaired(_told(lambda: part.get_filename("")) or "").replace("\\", "/").rpartition("/")[2]
    )
    kind = part.get_content_type()
    if kind != "message/rfc822":
        return given or f"attachment{mimetypes.guess_extension(kind) or ''}"
    subject = next((_header(child, "Subject") for child in part.iter_parts()), "")
    name = given or subject.replace("/", " ") or "message"
    return name if name.lower().endswith(".eml") else f"{name}.eml"


def _content(part: MIMEPart, name: str) -> bytes:
    if not part.is_multipart():
        return _payload(part)
    content = _told(
        lambda: b"".join(child.as_bytes(policy=_AS_SENT) for child in part.iter_parts())
    )
    if content is None:
        raise DocumentError(
            f"A message attached to {name} is damaged.", "Save it in your mail program again."
        )
    return content
