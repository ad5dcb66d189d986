"""What services' files share: an answer read as its shape, and which settings are habits."""

import pytest
from msgspec import Struct

from integration.outgoing import Field, Refusal, Reply
from integration.replies import CHECK_ADDRESS, mapped, read, shaped
from integration.service import services


class Habit(Struct):
    id: str


def test_an_answer_is_read_as_its_shape():
    assert read(Reply(200, {}, b'[{"id": "1", "more": 2}]'), "Bell", list[Habit]) == [Habit("1")]


@pytest.mark.parametrize("body", [b"{}", b"[1]", b'[{"id": 1}]', b"null"])
def test_another_shape_is_refused_without_quoting_it(body):
    with pytest.raises(Refusal, match=r"^Bell answered what we cannot read; is the address right\?$") as refused:
        read(Reply(200, {}, body), "Bell", list[Habit], CHECK_ADDRESS)
    assert (refused.value.reason, refused.value.permanent) == ("unreadable_answer", False)


def test_a_no_is_judged_before_it_is_read():
    with pytest.raises(Refusal) as refused:
        read(Reply(401, {}, b"[]"), "Bell", list[Habit])
    assert refused.value.reason == "credentials"


def test_numbers_in_words_are_taken_only_where_a_service_sends_them():
    assert shaped("12", "Bell", int, strict=False) == 12
    with pytest.raises(Refusal):
        shaped("12", "Bell", int)


def test_only_what_slots_are_mapped_to_is_a_habit():
    settings = {"morning": "b", "evening": "a", "noon": "a", "url": "https://x.example", "token": "t"}
    settings |= {"label": "Mine", "when": "both", "words": "yoga", "account": "7", "ignore": "Water\nWalk"}
    assert mapped(settings, (Field("url", "Address"), Field("token", "Token", secret=True))) == ["a", "b"]


@pytest.mark.parametrize("name", services())
def test_no_field_of_a_service_bears_the_name_of_a_setting_of_ours(name):
    ours = {"label", "when", "words", "account", "ignore", "morning", "evening"}
    assert ours.isdisjoint(field.name for field in services()[name].FIELDS)
