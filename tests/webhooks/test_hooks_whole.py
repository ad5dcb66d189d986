"""A body counts only as a whole, on every server: an empty one may mean "done", and half a form another day."""

import io
from collections.abc import Mapping
from typing import Any

import pytest

from tests.webhooks.doubles import KEY, FakeReceiver, client_of
from webhooks.payload import FORM

PATH = f"/hooks/simple/{KEY}"
FULL = b"slot=morning&date=2026-06-01&id=77"
# waitress and gunicorn both say that they end the body themselves.
SERVED = {"wsgi.input_terminated": True, "SERVER_PROTOCOL": "HTTP/1.1"}


def sent(stream: io.BytesIO, claims: Mapping[str, Any] = SERVED, **environ: Any) -> tuple[FakeReceiver, Any]:
    receiver = FakeReceiver()
    typed = {**claims, "CONTENT_TYPE": FORM, **environ}
    return receiver, client_of(receiver).post(PATH, input_stream=stream, environ_overrides=typed)


@pytest.mark.parametrize("came", [b"", FULL[:12], FULL[:-1]], ids=["nothing", "the slot", "all but a byte"])
def test_a_body_that_breaks_off_is_400_and_no_completion_whatever_the_server_claims(came: bytes) -> None:
    for claims in (SERVED, {}):
        receiver, answer = sent(io.BytesIO(came), claims, CONTENT_LENGTH=str(len(FULL)))
        assert (answer.status_code, answer.json["error"]) == (400, "cut_short")
        assert (receiver.recorded, receiver.found) == ([], [])


@pytest.mark.parametrize("length", [str(len(FULL)), f"00{len(FULL)}"])
def test_a_body_as_long_as_it_says_is_taken_in(length: str) -> None:
    receiver, answer = sent(io.BytesIO(FULL), CONTENT_LENGTH=length)
    assert answer.status_code == 200
    assert [report.event_id for report in receiver.recorded[0]] == ["77"]


@pytest.mark.parametrize("length", ["abc", "-5", "+5", "1_0", "\xb2", "9" * 5000])
def test_a_length_that_is_none_is_400_and_no_completion(length: str) -> None:
    receiver, answer = sent(io.BytesIO(), CONTENT_LENGTH=length)
    assert (answer.status_code, answer.json["error"]) == (400, "length")
    assert receiver.recorded == []


@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/0.9", ""])
def test_a_coding_before_http_1_1_is_400_and_no_completion(protocol: str) -> None:
    """As waitress gives it: the coding still stands there, and the body is empty."""
    receiver, answer = sent(io.BytesIO(), HTTP_TRANSFER_ENCODING="chunked", SERVER_PROTOCOL=protocol)
    assert (answer.status_code, answer.json["error"]) == (400, "length")
    assert receiver.recorded == []


class Strange(Exception):
    """What a server raises of its own: gunicorn's are no OSError and no ValueError."""


@pytest.mark.parametrize("error", [Strange("canary"), OSError("canary"), ValueError("canary")], ids=str)
def test_an_error_of_the_server_while_it_reads_is_400_and_no_mistake_of_ours(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise error

        readinto = read  # type: ignore[assignment]

    receiver, answer = sent(Broken(), HTTP_TRANSFER_ENCODING="chunked")
    assert (answer.status_code, answer.json["error"]) == (400, "cut_short")
    assert receiver.recorded == []
    assert "canary" not in caplog.text + answer.text
