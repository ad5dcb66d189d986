"""Capability keys in URLs, and the secrets of other services at rest. DESIGN section 4.

A key is `<kind>_<random id>.<signature>`, signed under a salt of its kind: a forged one is refused before any query,
and the database, which holds only the random part, yields no usable URL. Both derive from the operator's secrets.
"""

import hashlib
import secrets
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from integration.errors import ConfigError, NotFound

LONGEST = 300
NONCE = 12
UNOPENED = "a stored secret cannot be opened: add the secret that it was stored under to TURNTWICE_SECRET_KEY"


class KeyKind(StrEnum):
    """What a key is for; a key of one kind opens nothing of another."""

    ME = "me"
    FEED = "feed"
    HOOK = "hook"
    SESSION = "session"
    BADGE = "badge"


def random_id() -> str:
    """The random part of a key: 192 bits (webhook-reliability F1)."""
    return secrets.token_urlsafe(24)


def new_id() -> str:
    """The id of a row: 80 bits in 16 lower-case letters and digits; no capability, it may be read aloud."""
    return b32encode(secrets.token_bytes(10)).decode().lower()


def is_id(text: str) -> bool:
    """Whether it may be the id of a row. PostgreSQL takes no NUL, not even to look for."""
    return text.isalnum()


class Keys:
    """Signs and reads keys, seals and opens secrets; of `operator_secrets`, newest first, all are still accepted."""

    def __init__(self, operator_secrets: Sequence[str]) -> None:
        oldest_first = list(reversed(operator_secrets))
        self._signers = {
            kind: Signer(oldest_first, f"turntwice.{kind}", key_derivation="hmac", digest_method=_digest(kind))
            for kind in KeyKind
        }
        self._vault = MultiFernet([Fernet(_derived(secret)) for secret in operator_secrets])
        self._ciphers = [AESGCM(_key(secret, b"turntwice documents at rest")) for secret in operator_secrets]
        self.mark = hashlib.blake2b(operator_secrets[0].encode(), digest_size=6, person=b"turntwice mark").hexdigest()
        """Names the newest operator secret without telling it: what was made under another is made anew."""
        # Calendars come back with the same key for years. Only keys that are ours are remembered, never a refusal.
        self.read = lru_cache(maxsize=4096)(self._read)
        # A webhook's secret is needed with every delivery; opening it each time would cost more than checking with it.
        self.open = lru_cache(maxsize=1024)(self._open)

    def key(self, kind: KeyKind, random: str) -> str:
        """The key to put into a URL."""
        return self._signers[kind].sign(f"{kind}_{random}").decode()

    def _read(self, kind: KeyKind, key: str) -> str:
        """The random part of a key of that kind. Raises NotFound for anything that we did not sign."""
        if len(key) > LONGEST or not key.startswith(f"{kind}_"):
            raise NotFound("no such key")
        try:
            value = self._signers[kind].unsign(key)
            canonical = base64_encode(base64_decode(key.rpartition(".")[2])).decode()
        except (BadSignature, UnicodeEncodeError):
            raise NotFound("no such key") from None
        # Base64 has spare bits and readers that overlook what is none of it: only one spelling is the key.
        if not key.endswith(f".{canonical}"):
            raise NotFound("no such key")
        return value.decode().removeprefix(f"{kind}_")

    def seal(self, text: str, place: str) -> str:
        """Encrypts a secret and binds it to the row and column that it is stored in (webhook-reliability K2)."""
        return self._vault.encrypt(f"{place}\n{text}".encode()).decode()

    def _open(self, sealed: str, place: str) -> str:
        """The secret that was sealed for that place. Raises ConfigError when no secret of ours opens it."""
        try:
            bound, _, text = self._vault.decrypt(sealed).decode().partition("\n")
        except (InvalidToken, ValueError):
            bound, text = "", ""
        if bound != place:
            raise ConfigError(UNOPENED)
        return text

    def seal_bytes(self, data: bytes, place: str) -> bytes:
        """Encrypts what holds keys itself, such as a feed's document with its links, bound to its place (AES-GCM)."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._ciphers[0].encrypt(nonce, data, place.encode())

    def open_bytes(self, sealed: bytes, place: str) -> bytes:
        """What was sealed for that place. Raises ConfigError when no secret of ours opens it."""
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode())
            except InvalidTag:
                continue
        raise ConfigError(UNOPENED)


def _digest(kind: KeyKind) -> Any:
    """A session's key stands in every event of a feed, twice: 128 bits of signature keep it short."""
    return partial(hashlib.blake2b, digest_size=16) if kind is KeyKind.SESSION else hashlib.sha256


def _derived(secret: str) -> bytes:
    return urlsafe_b64encode(_key(secret, b"turntwice secrets at rest"))


def _key(secret: str, use: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=use).derive(secret.encode())
