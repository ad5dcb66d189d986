import pytest

from integration import service
from integration.outgoing import Refusal, Reply
from integration.replies import accepted, retry_after


def test_every_file_in_the_folder_is_a_service_that_keeps_the_contract():
    assert set(service.services()) == {path.stem for path in service.HOME.glob("*.py")} - {"__init__"}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("21.069", 21.069), ("0", 0), ("-1", None), ("1e9", None), ("9" * 400, None), ("soon", None), ("", None)],
)
def test_only_plain_seconds_are_taken_for_a_wait(given, seconds):
    assert retry_after(Reply(429, {"retry-after": given})) == seconds


def test_a_date_to_come_back_at_is_counted_from_the_answers_own_date():
    told = {"date": "Mon, 01 Jun 2026 07:00:00 GMT", "retry-after": "Mon, 01 Jun 2026 07:02:00 GMT"}
    assert retry_after(Reply(503, told)) == 120
    assert retry_after(Reply(503, {**told, "retry-after": "Mon, 01 Jun 2026 06:00:00 GMT"})) is None


@pytest.mark.parametrize(
    ("status", "permanent", "gone"),
    [
        (302, False, False),
        (400, True, False),
        (401, True, False),
        (404, True, False),
        (408, False, False),
        (409, False, False),
        (410, True, True),
        (425, False, False),
        (429, False, False),
        (500, False, False),
        (503, False, False),
    ],
)
def test_a_refusal_says_whether_to_come_again(status, permanent, gone):
    with pytest.raises(Refusal) as refused:
        accepted(Reply(status), "Bell")
    assert (refused.value.permanent, refused.value.gone) == (permanent, gone)


def test_whatever_begins_with_two_is_a_yes():
    assert accepted(Reply(204), "Bell") == Reply(204)


def test_an_answer_that_is_no_json_is_asked_for_again():
    with pytest.raises(Refusal) as refused:
        Reply(200, {}, b"<html>").json()
    assert not refused.value.permanent
