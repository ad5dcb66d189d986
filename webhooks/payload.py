"""Strict reading: JSON and forms in, checked values out. Whatever comes, only children of Rejected leave this module.

Source: webhook-reliability 2.7, R11, R12 and R17. The content type decides the parser, once. What some JSON readers
let pass (duplicate names, NaN, a byte order mark, half a surrogate pair) is refused, because two programs would read
two different things, or because a database would not keep it.

Length: a little over 200 lines, so that all that is refused can be checked in one place.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from math import isfinite
from typing import NoReturn, TypeVar
from urllib.parse import parse_qsl

import msgspec

from webhooks.errors import Invalid, Unreadable, WrongType
from webhooks.report import Incoming, Moment

T = TypeVar("T")

DEPTH = 32
FORM_FIELDS = 100
TEXT = 500
FORM = "application/x-www-form-urlencoded"
YEARS = range(2000, 2101)
FURTHEST = timedelta(hours=14)
EARLIEST, LATEST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (YEARS.start, YEARS.stop))

# C0 controls but tab, line feed and carriage return; and surrogates, which no UTF-8 text can hold.
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
    r"(?:Z|([+-])([0-9]{2}):([0-5][0-9]))"
)
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\";\s]*)", re.IGNORECASE)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHERE = re.compile(r" - at `\$\.?([^`]*)`$")
_EXPECTED = re.compile(r"Expected `[^`]+`(?:, got `\w+`| [<>]=? [0-9.]+)?")
_MISSING = re.compile(r"Object missing required field `(\w+)`")


def parse_json(incoming: Incoming) -> object:
    """The JSON value of a body sent as `application/json`, `...+json` or without a type.

    Raises WrongType for another type, charset or encoding; Unreadable for what is not strict JSON.
    """
    media = incoming.content_type
    if media not in ("", "application/json") and not media.endswith("+json"):
        raise WrongType("content_type", "send the body as JSON, with the header Content-Type: application/json")
    _plain_utf8(incoming)
    try:
        value: object = _JSON.decode(incoming.body.decode())
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise Unreadable("json", "the body is not JSON in UTF-8") from None
    _inspect(value)
    return value


def parse_form(incoming: Incoming) -> dict[str, str]:
    """The fields of an `application/x-www-form-urlencoded` body. Raises WrongType or Unreadable."""
    if incoming.content_type != FORM:
        raise WrongType("content_type", f"send the form with the header Content-Type: {FORM}")
    _plain_utf8(incoming)
    try:
        pairs = parse_qsl(
            incoming.body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FORM_FIELDS,
        )
    except ValueError:
        raise Unreadable("form", "the form is not readable; to send JSON, say Content-Type: application/json") from None
    fields = unique(pairs)
    _inspect(fields)
    return fields


def convert(value: object, shape: type[T], *, from_text: bool = False, path: str = "") -> T:
    """The value as that type. `from_text` lets text stand for numbers, as in forms.

    Raises Invalid naming the field, after `path` where the value is itself part of something.
    """
    try:
        return msgspec.convert(value, shape, strict=not from_text)
    except msgspec.ValidationError as error:
        raise Invalid("field", _in_words(str(error), path)) from None


def instant(value: str, field: str = "time") -> Moment:
    """The instant of `2026-06-02T07:05[:00[.5]]` with `Z` or an offset, which is demanded and at most 14 hours.

    `-00:00` says as little of the sender's place as `Z` (RFC 3339 4.3). Digits past the microsecond are cut.
    Raises Invalid for any other spelling, and outside the years 2000 to 2100.
    """
    found = _INSTANT.fullmatch(value)
    if not found:
        raise Invalid("instant", f"{field}: write a time as 2026-06-02T07:05:00+02:00, with its offset")
    minute, second, fraction, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    if abs(offset) > FURTHEST:
        raise Invalid("instant", f"{field}: the offset is more than 14 hours")
    wall = _wall(f"{minute}:{second or '00'}.{(fraction or '0')[:6]:0<6}", field)
    unknown = sign is None or (sign == "-" and not offset)
    return Moment(wall.replace(tzinfo=timezone(offset)).astimezone(UTC), None if unknown else offset)


def from_epoch(milliseconds: float, field: str = "time") -> Moment:
    """The instant that many milliseconds after 1970, as JavaScript counts. Raises Invalid outside 2000 to 2100."""
    if not EARLIEST <= milliseconds / 1000 < LATEST:
        raise Invalid("instant", f"{field}: the time is not in the years 2000 to 2100")
    return Moment(datetime.fromtimestamp(milliseconds / 1000, UTC))


def day(value: str, field: str = "date") -> date:
    """The date of `2026-06-02`. Raises Invalid for any other spelling, and outside the years 2000 to 2100."""
    if not _DAY.fullmatch(value):
        raise Invalid("date", f"{field}: write a date as 2026-06-02")
    return _wall(value, field).date()


def text(value: str, field: str = "text", limit: int = TEXT) -> str:
    """The text in Unicode NFC without space around it. Raises Invalid when it is longer than `limit` characters."""
    plain = unicodedata.normalize("NFC", value).strip()
    if len(plain) > limit:
        raise Invalid("text", f"{field}: at most {limit} characters")
    return plain


def shortened(value: str, limit: int = TEXT) -> str:
    """As `text`, but cut at the limit: for names in other services, whose length is not the sender's fault."""
    return unicodedata.normalize("NFC", value).strip()[:limit]


def given(read: Callable[[str, str], T], value: str | None, field: str) -> T | None:
    """`read(value, field)`, or None when the sender left the field out."""
    return None if value is None else read(value, field)


def _wall(value: str, field: str) -> datetime:
    try:
        wall = datetime.fromisoformat(value)
    except ValueError:
        raise Invalid("instant", f"{field}: there is no such date or time of day") from None
    if wall.year not in YEARS:
        raise Invalid("instant", f"{field}: the year is not in 2000 to 2100")
    return wall


def _plain_utf8(incoming: Incoming) -> None:
    if incoming.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise WrongType("content_encoding", "send the body uncompressed, without Content-Encoding")
    charset = _CHARSET.search(incoming.headers.get("content-type", ""))
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        raise WrongType("charset", "send the body in UTF-8")


def unique(pairs: list[tuple[str, T]]) -> dict[str, T]:
    """The fields by name. Raises Unreadable when two have the same."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Unreadable("duplicate_field", "a field is given twice; send each once")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise Unreadable("number", f"{name} is not a JSON number")


def _too_deep() -> Unreadable:
    return Unreadable("depth", f"the body is nested deeper than {DEPTH} levels")


# Made once: making it takes longer than reading a usual body with it.
_JSON = json.JSONDecoder(object_pairs_hook=unique, parse_constant=_refuse_constant)


def _inspect(value: object, depth: int = 1) -> None:
    """Refuse what JSON can say but no reader here can keep: deep nesting, stray characters, numbers out of range."""
    if not isinstance(value, (dict, list)):
        return _inspect_leaf(value)
    if depth > DEPTH:
        raise _too_deep()
    if isinstance(value, dict):
        for name in value:
            _inspect_leaf(name)
        value = list(value.values())
    for item in value:
        _inspect(item, depth + 1)
    return None


def _inspect_leaf(value: object) -> None:
    if isinstance(value, str):
        if _REFUSED.search(value):
            raise Unreadable("characters", "a text has a control character or half a surrogate pair; leave it out")
    elif isinstance(value, float):
        if not isfinite(value):
            raise Unreadable("number", "a number is too large to be kept")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Unreadable("number", "a whole number is over 63 bits; send it as text")


def _in_words(complaint: str, path: str) -> str:
    """What is wrong and where, without any value of the body: msgspec quotes some."""
    found = _WHERE.search(complaint)
    where = ".".join(part for part in (path, found[1] if found else "") if part)
    if missing := _MISSING.match(complaint):
        return f"{where}.{missing[1]}".lstrip(".") + ": is missing"
    expected = _EXPECTED.match(complaint)
    what = expected[0].replace("`", "").lower() if expected else "has a value that is not known here"
    return f"{where or 'the body'}: {what}"
