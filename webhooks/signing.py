"""Our own signatures on what we send: Standard Webhooks v1 and v1a, with several live secrets at once.

Source: Standard Webhooks 1.0.0; webhook-reliability S2 and S15. A `whsec_` secret signs v1 (HMAC-SHA256, the receiver
has the same one), a `whsk_` secret signs v1a (Ed25519, the receiver has its public half, `whpk_`).
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from webhooks.errors import BadSecret
from webhooks.signatures import LIVE_SECRETS, PRIVATE, PUBLIC, check_secret, sign

SEED = 32


def sign_all(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> str:
    """The `webhook-signature` header: one entry for each live secret, newest first. Raises BadSecret.

    `at` is the aware time of the attempt; `body` the bytes as they go out.
    """
    if not 0 < len(secrets) <= LIVE_SECRETS:
        raise BadSecret(f"give 1 to {LIVE_SECRETS} signing secrets, the newest first")
    signers = [sign_v1a if secret.startswith(PRIVATE) else sign for secret in secrets]
    return " ".join(signer(secret, message_id, at, body) for signer, secret in zip(signers, secrets, strict=True))


def sign_v1a(secret: str, message_id: str, at: datetime, body: bytes) -> str:
    """The v1a entry for a `webhook-signature` header. `at` is the aware time of the attempt. Raises BadSecret."""
    signed = b"%b.%d.%b" % (message_id.encode("latin-1"), int(at.timestamp()), body)
    return "v1a," + base64.b64encode(_key(secret).sign(signed)).decode()


def check_signing_secret(secret: str) -> str:
    """The secret itself, when it can sign. Raises BadSecret with the cure."""
    if secret.startswith(PRIVATE):
        _key(secret)
        return secret
    if secret.startswith(PUBLIC):
        raise BadSecret("this is the receiver's public half (whpk_); give the private one, which begins with whsk_")
    return check_secret(secret)


def new_private_key() -> str:
    """A fresh v1a secret."""
    key = Ed25519PrivateKey.generate()
    return PRIVATE + base64.b64encode(key.private_bytes_raw() + key.public_key().public_bytes_raw()).decode()


def public_half(secret: str) -> str:
    """What a receiver needs to verify a `whsk_` secret's signatures: `whpk_...`, no secret. Raises BadSecret."""
    return PUBLIC + base64.b64encode(_key(secret).public_key().public_bytes_raw()).decode()


def _key(secret: str) -> Ed25519PrivateKey:
    """Seed and public half, 32 bytes each; a pair that does not fit together would sign what nobody can verify."""
    try:
        raw = base64.b64decode(secret.removeprefix(PRIVATE).encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raw = b""
    if secret.startswith(PRIVATE) and len(raw) == 2 * SEED:
        key = Ed25519PrivateKey.from_private_bytes(raw[:SEED])
        if hmac.compare_digest(key.public_key().public_bytes_raw(), raw[SEED:]):
            return key
    raise BadSecret(f"a v1a secret is {PRIVATE} and base64 of 64 bytes: seed and public half; copy all of it")
