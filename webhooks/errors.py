"""Why a delivery was turned away. Each error has a short `reason` label, counted and logged; the body never is."""


class WebhookError(Exception):
    """Root of this package's errors."""

    reason = "webhook"


class Rejected(WebhookError):
    """The delivery is not accepted. `reason` is a label of few words; `status` the HTTP answer."""

    status = 400

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason.replace("_", " "))
        self.reason = reason


class Forged(Rejected):
    """The proof is missing, wrong, or too old. Nothing of such a delivery is kept."""

    status = 401


class Unreadable(Rejected):
    """Proved, but the body is not what its content type says (RFC 9110 15.5.1)."""

    status = 400


class TooLarge(Rejected):
    """More than this door takes in; refused before it is read to the end (RFC 9110 15.5.14)."""

    status = 413


class WrongType(Rejected):
    """Proved, but in a content type or encoding that this provider does not speak (RFC 9110 15.5.16)."""

    status = 415


class Invalid(Rejected):
    """Proved and readable, but a field has a value that cannot be (RFC 9110 15.5.21). The message names the field."""

    status = 422


class BadSecret(WebhookError):
    """A secret that must not be set up: too short, or of the wrong kind. The message never quotes it."""

    reason = "bad_secret"


class BadProvider(WebhookError):
    """A file in the providers folder that does not keep the contract; found at start."""

    reason = "bad_provider"


class Unavailable(WebhookError):
    """Raised by a receiver that cannot look up or store just now; the sender is asked to come back."""

    reason = "unavailable"


class Outdated(Unavailable):
    """What a receiver remembers of a hook no longer holds: it is to be found anew, and the delivery judged by that."""

    reason = "outdated"
