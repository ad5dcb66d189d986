"""What can go wrong beyond a delivery. Every error carries a short `reason` label and a message that names the cure."""


class TurntwiceError(Exception):
    """Root of this package's errors; the command line prints the message and exits with 1."""

    reason = "error"


class ConfigError(TurntwiceError):
    """A setting that cannot be used; the message names the variable."""

    reason = "config"


class Refused(TurntwiceError):
    """Something that was asked for cannot be; the message says what to give instead."""

    reason = "refused"


class NotFound(TurntwiceError):
    """Nothing has that id or key, or no longer."""

    reason = "not_found"


class StoreUnavailable(TurntwiceError):
    """The database cannot be reached, read or written now; trying again later may help."""

    reason = "store_unavailable"


class SchemaMismatch(TurntwiceError):
    """The database is of another version than the program."""

    reason = "schema"
