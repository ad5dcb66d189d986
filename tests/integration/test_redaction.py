"""What reaches a log: keys, credentials and the texts of foreign errors are masked, all else is told (K5)."""

import io
import logging
from collections.abc import Iterator

import pytest

from integration import redaction
from integration.errors import StoreUnavailable
from integration.keys import KeyKind, Keys, random_id
from integration.redaction import Redacting, log_to_stderr, masked

KEYS = Keys(("a secret of the operator, for tests only",))


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> Iterator[logging.Logger]:
    made, handler = logging.getLogger("integration.of_this_test"), logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.addFilter(Redacting())
    made.addHandler(handler)
    made.propagate = False
    yield made
    made.removeHandler(handler)
    made.propagate = True


@pytest.mark.parametrize("kind", KeyKind)
def test_a_key_of_any_kind_is_masked_wherever_it_stands(kind: KeyKind) -> None:
    key = KEYS.key(kind, random_id())
    for text in (key, f"/{kind}/{key}", f"https://x.example/{kind}/{key}.ics", f"'{key}'", f"at {key}, twice {key}"):
        told = masked(text)
        assert key.partition("_")[2][:8] not in told
        assert key.rpartition(".")[2] not in told
        assert f"{kind}_***" in told


def test_the_key_of_a_session_is_masked_with_the_feed_that_it_names() -> None:
    key = KEYS.key(KeyKind.SESSION, "2gocd77u7unegj6f~20260602~evening")
    assert masked(f"/session/{key}") == "/session/session_***"


MASKED = {
    "whsec_QSBzZWNyZXQgb2YgdGhlIHNlcnZpY2UsIDMyIGJ5dGU=": "whsec_***",
    "whsk_QSBzZWNyZXQgb2YgdGhlIHNlcnZpY2U": "whsk_***",
    "Authorization: Bearer abcdef123456": "Authorization: Bearer ***",
    "authorization=bearer abcdef-123~4/5+6=": "authorization=bearer ***",
    "Basic dXNlcjpwYXNz": "Basic ***",
    "postgresql://u:hunter2@db.example/n": "postgresql://***@db.example/n",
    "https://token@host.example/x": "https://***@host.example/x",
    "GET https://host.example/a?token=hunter2&x=1 failed": "GET https://host.example/a?*** failed",
}


@pytest.mark.parametrize(("text", "told"), MASKED.items())
def test_what_opens_something_elsewhere_is_masked(text: str, told: str) -> None:
    assert masked(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "refused a delivery to simple: signature",
        "connection 3bj7zjyi5midkcwg is switched off: it took nothing for five days",
        "message 12 is still ours until its lease ends",
        "me_too and feed_me",
        "Open http://127.0.0.1:8000/ (stop with Ctrl+C)",
        "basic auth",
    ],
)
def test_what_tells_nobody_anything_stays(text: str) -> None:
    assert masked(text) == text


def test_arguments_of_a_message_are_masked_too(log: logging.Logger, stream: io.StringIO) -> None:
    log.warning("asked %s of %s", "https://u:hunter2@x.example/", {"authorization": "Bearer abcdef123456"})
    assert stream.getvalue() == "WARNING asked https://***@x.example/ of {'authorization': 'Bearer ***'}\n"


def blunder(secret: str) -> int:
    try:
        return int(secret)
    except ValueError as error:
        raise KeyError(secret) from error


def test_of_a_foreign_error_and_its_causes_kind_and_place_are_told_and_no_text(
    log: logging.Logger, stream: io.StringIO
) -> None:
    secret = "hunter2"
    try:
        blunder(secret)
    except KeyError:
        log.exception("a mistake in %s", "pages.me")
    told = stream.getvalue()
    assert told.startswith("ERROR a mistake in pages.me\n")
    assert secret not in told
    assert [line for line in told.splitlines() if not line.startswith(" ")][1:] == ["ValueError", "KeyError"]
    assert told.count("in blunder") == 2


def test_of_our_own_errors_the_text_is_told_for_it_holds_no_secret(log: logging.Logger, stream: io.StringIO) -> None:
    try:
        raise StoreUnavailable("the database cannot be used now: disk full")
    except StoreUnavailable as error:
        log.error("rests", exc_info=error)
    assert "StoreUnavailable: the database cannot be used now: disk full" in stream.getvalue()


def test_errors_that_name_each_other_as_their_cause_end(log: logging.Logger, stream: io.StringIO) -> None:
    one, other = KeyError("a"), KeyError("b")
    one.__cause__, other.__cause__ = other, one
    log.error("odd", exc_info=one)
    assert stream.getvalue().count("KeyError") == 2


def test_a_record_without_an_error_has_none(log: logging.Logger, stream: io.StringIO) -> None:
    log.error("nothing happened", exc_info=(None, None, None))
    assert stream.getvalue() == "ERROR nothing happened\n"


def test_the_programs_log_is_masked_and_another_programs_logging_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = logging.RootLogger(logging.WARNING)
    monkeypatch.setattr(redaction.logging, "root", root)
    log_to_stderr()
    [handler] = root.handlers
    assert (root.level, [type(one) for one in handler.filters]) == (logging.INFO, [Redacting])
    log_to_stderr()
    assert root.handlers == [handler]
    assert type(handler) is logging.StreamHandler


def test_masking_takes_no_longer_than_the_text_is_long() -> None:
    for text in ("bearer " * 20_000, "://" * 40_000, "https://a?" * 10_000, "me_" * 40_000, "a" * 200_000):
        assert isinstance(masked(text), str)


def test_a_message_that_cannot_be_put_together_ends_nothing_and_shows_nothing(
    log: logging.Logger, stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    log.error("%d and %d", "hunter2")
    assert "cannot be put together" in stream.getvalue()
    assert "hunter2" not in stream.getvalue() + capsys.readouterr().err
