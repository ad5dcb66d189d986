"""Proof that a delivery comes from the service: Standard Webhooks v1 and v1a, and shared secrets.

Source: Standard Webhooks 1.0.0; webhook-reliability R8 to R10. Every check takes bytes as they came, several live
secrets, compares in constant time, and answers whatever junk it is given with Forged and nothing else.
"""

import base64
import binascii
import hmac
import re
import secrets as randomness
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from webhooks.errors import BadSecret, Forged
from webhooks.report import Incoming

WINDOW = 300
LIVE_SECRETS = 5
SIGNATURES = 8
SHORTEST_SHARED = 24
SYMMETRIC, PUBLIC, PRIVATE = "whsec_", "whpk_", "whsk_"

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
# A full stop in the id would let one signature stand for two splits of id, time and body.
_ID = re.compile(r"[^\x00-\x1f\x7f.]{1,255}")


@dataclass(frozen=True, slots=True)
class Proof:
    """What proof a connection carries, as data from which a form can be made.

    `setting` names the secret to people and in `--set`; `check` returns it or raises BadSecret; `make` invents one when
    the person gives none, None when it is theirs to choose.
    """

    needed: Literal["none", "optional", "required"]
    setting: str = ""
    label: str = ""
    check: Callable[[str], str] | None = None
    make: Callable[[], str] | None = None


def verify(incoming: Incoming, secrets: Sequence[str]) -> None:
    """Pass a Standard Webhooks request, else raise Forged. Secrets are `whsec_` (v1) or `whpk_` (v1a)."""
    signed = _signed(message_id(incoming), _timestamp(incoming), incoming.body)
    live = secrets[:LIVE_SECRETS]
    for entry in incoming.headers.get("webhook-signature", "").split(" ", SIGNATURES)[:SIGNATURES]:
        version, _, signature = entry.partition(",")
        if version == "v1" and _matches_v1(signed, _wire(signature), live):
            return
        if version == "v1a" and _matches_v1a(signed, _wire(signature), live):
            return
    raise Forged("signature", "no valid signature; sign the raw body with this connection's secret")


def message_id(incoming: Incoming) -> str:
    """The `webhook-id` header. Raises Forged when it is missing, over 255 characters, or has a full stop or control."""
    found = incoming.headers.get("webhook-id", "")
    if not _ID.fullmatch(found):
        raise Forged("message_id", "the webhook-id header is missing or not usable; send up to 255 characters, no '.'")
    return found


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> str:
    """The v1 entry for a `webhook-signature` header. `at` is the aware time of the attempt. Raises BadSecret."""
    key = _key(check_secret(secret), SYMMETRIC)
    if key is None:
        raise BadSecret(f"only a {SYMMETRIC} secret can sign")
    return "v1," + _v1(key, _signed(message_id, str(int(at.timestamp())), body)).decode()


def shared_secret(given: str, secrets: Sequence[str]) -> None:
    """Pass a secret sent as it is, else raise Forged. Secrets of any length; an empty one never passes."""
    sent = _wire(given)
    matches = [hmac.compare_digest(sent, secret.encode()) for secret in secrets[:LIVE_SECRETS] if secret]
    if not any(matches):
        raise Forged("shared_secret", "the secret sent is not this connection's")


def bearer(incoming: Incoming, secrets: Sequence[str]) -> None:
    """Pass an `Authorization: Bearer ...` header that carries one of the secrets (RFC 6750 2.1), else raise Forged."""
    scheme, _, token = incoming.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Forged("bearer", "this connection asks for a bearer; send the header Authorization: Bearer ...")
    shared_secret(token.strip(), secrets)


def check_secret(secret: str) -> str:
    """The secret itself, when it can verify Standard Webhooks. Raises BadSecret with the cure."""
    if secret.startswith(PRIVATE):
        raise BadSecret("this is the sender's private half (whsk_); give its public half, which begins with whpk_")
    if not secret.startswith((SYMMETRIC, PUBLIC)):
        raise BadSecret("a signing secret begins with whsec_ (or whpk_); copy all of it from the sender")
    prefix = SYMMETRIC if secret.startswith(SYMMETRIC) else PUBLIC
    if _key(secret, prefix) is None:
        size = "24 to 64 bytes" if prefix == SYMMETRIC else "32 bytes"
        raise BadSecret(f"what follows {prefix} must be base64 of {size}; copy all of it from the sender")
    return secret


def check_shared(secret: str) -> str:
    """The secret itself, when it may serve as a bearer: 24 to 255 printable ASCII characters, no space (R9)."""
    if not re.fullmatch(r"[\x21-\x7e]{24,255}", secret):
        raise BadSecret(f"a bearer needs {SHORTEST_SHARED} to 255 letters, digits or signs without a space")
    return secret


def new_secret() -> str:
    """A fresh v1 secret with 32 random bytes."""
    return SYMMETRIC + base64.b64encode(randomness.token_bytes(32)).decode()


def _timestamp(incoming: Incoming) -> str:
    found = incoming.headers.get("webhook-timestamp", "")
    if not _TIMESTAMP.fullmatch(found):
        raise Forged("timestamp", "the webhook-timestamp header must be whole seconds since 1970")
    if abs(int(incoming.received_at.timestamp()) - int(found)) > WINDOW:
        raise Forged("timestamp", f"webhook-timestamp is more than {WINDOW} s from our clock; sign each attempt anew")
    return found


def _signed(message_id: str, timestamp: str, body: bytes) -> bytes:
    return b"%b.%b.%b" % (_wire(message_id), timestamp.encode(), body)


def _wire(header: str) -> bytes:
    """The bytes of a header value. WSGI hands them over as Latin-1 (PEP 3333); anything else never came by HTTP."""
    try:
        return header.encode("latin-1")
    except UnicodeEncodeError:
        raise Forged("header", "a header has characters that HTTP cannot carry") from None


def _v1(key: bytes, signed: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key, signed, "sha256"))


def _matches_v1(signed: bytes, signature: bytes, secrets: Sequence[str]) -> bool:
    """Compared as text: decoding would let several base64 spellings stand for one signature."""
    keys = [key for secret in secrets if (key := _key(secret, SYMMETRIC))]
    matches = [hmac.compare_digest(_v1(key, signed), signature) for key in keys]
    return any(matches)


def _matches_v1a(signed: bytes, signature: bytes, secrets: Sequence[str]) -> bool:
    raw = _unbase64(signature)
    keys = [key for secret in secrets if (key := _key(secret, PUBLIC))]
    return raw is not None and any(_matches_ed25519(key, raw, signed) for key in keys)


def _matches_ed25519(key: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _key(secret: str, prefix: str) -> bytes | None:
    """The key bytes of a secret of that kind; None when it is of another kind, malformed or of a wrong size."""
    if not (secret.startswith(prefix) and secret.isascii()):
        return None
    key = _unbase64(secret[len(prefix) :].encode())
    fits = key is not None and (24 <= len(key) <= 64 if prefix == SYMMETRIC else len(key) == 32)
    return key if fits else None


def _unbase64(text: bytes) -> bytes | None:
    """Standard base64 in its one canonical spelling, else None."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return raw if base64.b64encode(raw) == text else None
