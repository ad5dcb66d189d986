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
    ("status", "tries", "gone"),
    [
        (302, None, False),
        (400, 3, False),
        (401, 3, False),
        (404, 3, False),
        (408, None, False),
        (409, None, False),
        (410, None, True),
        (425, None, False),
        (429, None, False),
        (500, None, False),
        (503, None, False),
    ],
)
def test_a_refusal_says_how_often_to_come_again(status, tries, gone):
    with pytest.raises(Refusal) as refused:
        accepted(Reply(status), "Bell")
    assert (refused.value.tries, refused.value.permanent, refused.value.gone) == (tries, gone, gone)
    assert refused.value.outage == (tries is None and not gone)


def test_whatever_begins_with_two_is_a_yes():
    assert accepted(Reply(204), "Bell") == Reply(204)


def test_an_answer_that_is_no_json_is_asked_for_again():
    with pytest.raises(Refusal) as refused:
        Reply(200, {}, b"<html>").json()
    assert not refused.value.permanent
