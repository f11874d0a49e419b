"""Receipts: what an answer is rated with.

A receipt is the answer itself, packed and signed with a key that all servers of one state database
share. So a rating needs no answer to be kept before it is given, any server can take it, also after
a restart, and a client can neither make up nor alter what is kept with it.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import secrets
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta
from typing import Final

from citydip_rag.errors import ReceiptError
from citydip_rag.feedback.nouns import Receipt
from citydip_rag.schema import Answer

KEY_BYTES: Final = 32
MAX_RECEIPT_CHARACTERS: Final = 48_000
"""A request may have 64 KiB; the few answers that would take more cannot be rated."""
VALID: Final = timedelta(days=30)
"""How long an answer can be rated."""
_SIGNATURE_BYTES: Final = hashlib.sha256().digest_size
_ID_BYTES: Final = 8


def today() -> date:
    """The day it is, in UTC."""
    return datetime.now(UTC).date()


class Seal:
    """Makes receipts and takes them back."""

    def __init__(self, *keys: bytes) -> None:
        """Sign with the first key, and know what is signed with any of them."""
        self._keys = keys

    @classmethod
    def new_key(cls) -> bytes:
        """A key that nobody has."""
        return secrets.token_bytes(KEY_BYTES)

    def under(self, key: bytes) -> Seal:
        """The same, which from now on signs with another key."""
        return Seal(key, *self._keys)

    def receipt(self, answer: Answer) -> str:
        """A receipt for an answer; empty where it would be too long."""
        content = Receipt.of(answer, secrets.token_hex(_ID_BYTES), today())
        packed = zlib.compress(json.dumps(content.model_dump(mode="json")).encode())
        signed = _signature(self._keys[0], packed) + packed
        made = urlsafe_b64encode(signed).decode().rstrip("=")
        return made if len(made) <= MAX_RECEIPT_CHARACTERS else ""

    def opened(self, receipt: str) -> Receipt:
        """The answer that a receipt is for.

        Raises:
            ReceiptError: it is none of ours (404), or too old (410).
        """
        try:
            signed = urlsafe_b64decode(receipt + "==")
        except (binascii.Error, ValueError) as error:
            raise _unknown() from error
        signature, packed = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        known = [hmac.compare_digest(signature, _signature(key, packed)) for key in self._keys]
        if not any(known):
            raise _unknown()
        content = Receipt.model_validate_json(zlib.decompress(packed))
        if today() - content.day > VALID:
            raise ReceiptError(
                f"The answer was given more than {VALID.days} days ago.",
                "Ask the question again and rate that answer.",
                status=410,
            )
        return content


def _signature(key: bytes, packed: bytes) -> bytes:
    return hmac.digest(key, packed, hashlib.sha256)


def _unknown() -> ReceiptError:
    return ReceiptError(
        "This is no receipt of an answer from here.",
        "Send the answer's `receipt` exactly as it came.",
    )
