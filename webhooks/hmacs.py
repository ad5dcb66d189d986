"""Proof by an HMAC-SHA256 of the raw body in one header: the style of Todoist, Vikunja and many others.

Source: webhook-reliability R8 and R9; habit-services 23. Such a signature bears no time, so a copy is known only by the
event's id. As in signatures.py, several live secrets are tried, comparison takes constant time, and whatever junk comes
is Forged and nothing else.
"""

import base64
import hmac
from collections.abc import Callable, Sequence

from webhooks.errors import BadSecret, Forged
from webhooks.report import Incoming
from webhooks.signatures import LIVE_SECRETS, check_shared


def hex_hmac(incoming: Incoming, header: str, secrets: Sequence[str], prefix: str = "") -> None:
    """Pass a body whose HMAC-SHA256 stands in `header` in lower-case hex after `prefix`, else raise Forged."""
    _check(incoming, header, secrets, lambda digest: prefix + digest.hex())


def base64_hmac(incoming: Incoming, header: str, secrets: Sequence[str]) -> None:
    """Pass a body whose HMAC-SHA256 stands in `header` in standard base64, else raise Forged."""
    _check(incoming, header, secrets, lambda digest: base64.b64encode(digest).decode())


def check_signing(secret: str) -> str:
    """The secret itself, when it is long enough to sign with: what `check_shared` asks for. Raises BadSecret (R9)."""
    try:
        return check_shared(secret)
    except BadSecret:
        cure = "copy all of it, or choose a longer one there"
        raise BadSecret(f"a signing secret has 24 to 255 letters, digits or signs and no space; {cure}") from None


def _check(incoming: Incoming, header: str, secrets: Sequence[str], spelled: Callable[[bytes], str]) -> None:
    """Compared as text: decoding would let several spellings stand for one signature."""
    sent = incoming.headers.get(header, "").encode("utf-8", "surrogatepass")
    keys = [secret.encode("utf-8", "surrogatepass") for secret in secrets[:LIVE_SECRETS] if secret]
    matches = [hmac.compare_digest(spelled(hmac.digest(key, incoming.body, "sha256")).encode(), sent) for key in keys]
    if not any(matches):
        raise Forged("signature", f"no valid {header} header; sign the raw body with this connection's secret")
