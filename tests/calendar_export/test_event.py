"""What one session says in a calendar."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest

from calendar_export import event, routine
from calendar_export.event import Entry, State
from calendar_export.routine import Dose

LINK = "https://stretch.example/session/session_abc.def?x=1&y=2"
MORNING = Entry(
    uid="p1-20260602-morning@turntwice",
    slot="morning",
    date=date(2026, 6, 2),
    starts=datetime(2026, 6, 2, 5, tzinfo=UTC),
    state=State.DUE,
    sequence=0,
    changed_at=datetime(2026, 6, 1, 12, tzinfo=UTC),
    dose=Dose(5, 20),
    link=LINK,
)
EVENING = replace(MORNING, slot="evening")


def entry_in(state):
    return replace(MORNING, state=state)


def words_of(markup):
    """The words that HTML shows, as a list."""
    return unescape(re.sub(r"<[^>]+>", " ", markup)).split()


def test_the_uid_is_made_of_person_date_and_slot_only():
    assert event.uid("p1", date(2026, 6, 2), "morning") == "p1-20260602-morning@turntwice"


@pytest.mark.parametrize(
    "state, title",
    [
        (State.DUE, "Morning stretch"),
        (State.DONE, "Morning stretch ✓"),
        (State.SKIPPED, "Morning stretch (skipped)"),
        (State.HURT, "Morning stretch (it hurt)"),
    ],
)
def test_the_title_starts_with_a_word_and_tells_the_state(state, title):
    assert event.title(entry_in(state)) == title


def test_a_due_title_is_the_same_for_every_date_and_revision():
    later = replace(MORNING, date=date(2027, 1, 1), sequence=7, uid="other", link=None, dose=Dose(3))
    assert event.title(later) == event.title(MORNING)


def test_a_slot_of_any_name_has_a_title_and_a_cue():
    noon = replace(MORNING, slot="noon")
    assert event.title(noon) == "Noon stretch"
    assert event.text(noon).startswith(routine.OTHER_CUE)


@pytest.mark.parametrize("entry, cue", [(MORNING, "Before you get up"), (EVENING, "When you lie down")])
@pytest.mark.parametrize("state", State)
def test_the_cue_comes_first_whatever_the_state(entry, cue, state):
    assert event.text(replace(entry, state=state)).startswith(cue)


def test_the_text_has_numbered_steps_the_dose_the_cautions_the_link_and_the_sender():
    lines = event.text(MORNING).splitlines()
    assert [line for line in lines if re.match(r"\d\. ", line)] == [
        f"{number}. {step}" for number, step in enumerate(routine.steps(Dose(5, 20)), 1)
    ]
    for line in (routine.STOP, routine.URGENT, routine.ASK_FIRST, routine.HYPERMOBILITY, routine.NO_PUSHING, LINK):
        assert line in lines
    assert lines[-1] == event.FROM


@pytest.mark.parametrize("state", State)
def test_the_text_has_short_lines_and_no_markup(state):
    text = event.text(entry_in(state))
    assert max(map(len, text.splitlines())) <= 140
    assert "<" not in text
    assert "\r" not in text


def test_without_a_link_neither_text_nor_html_speaks_of_one():
    alone = replace(MORNING, link=None)
    for words in (event.text(alone), event.html(alone)):
        assert event.LINK not in words
        assert "http" not in words
        assert "None" not in words


@pytest.mark.parametrize("state", [State.DONE, State.SKIPPED, State.HURT])
def test_a_session_with_a_state_says_so_in_its_text(state):
    assert "\n".join(event.NOTES[state]) in event.text(entry_in(state))


def test_a_due_session_says_nothing_of_the_past():
    text = event.text(MORNING)
    assert not any(line in text for note in event.NOTES.values() for line in note)


def test_a_session_that_hurt_names_whom_to_ask_before_the_steps():
    text = event.text(entry_in(State.HURT))
    assert text.index("ask a physical therapist or doctor") < text.index("1. ")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("link", [LINK, None])
def test_the_html_twin_says_the_same_words_in_one_line(state, link):
    entry = replace(MORNING, state=state, link=link)
    plain = re.sub(r"(?m)^\d\. ", "", event.text(entry)).replace(link or "\0", "")
    markup = event.html(entry)
    assert words_of(markup) == plain.split()
    assert "\n" not in markup


def test_the_link_in_html_is_escaped_and_can_be_followed():
    assert '<a href="https://stretch.example/session/session_abc.def?x=1&amp;y=2">' in event.html(MORNING)


def test_a_quote_in_a_link_cannot_leave_its_attribute():
    markup = event.html(replace(MORNING, link='https://a.example/"><b>'))
    assert "<b>" not in markup
    assert 'href="https://a.example/&quot;&gt;&lt;b&gt;"' in markup


def test_the_alarm_names_the_cue_and_the_session():
    assert event.alarm(EVENING) == "When you lie down: Evening stretch"


@pytest.mark.parametrize(
    "dose, minutes",
    [(Dose(), 5), (Dose(3, 30), 5), (Dose(5, 20), 5), (Dose(5, 21), 10), (Dose(5, 30), 10)],
)
def test_an_event_lasts_five_minutes_or_ten_when_the_holds_need_them(dose, minutes):
    assert event.duration(replace(MORNING, dose=dose)) == timedelta(minutes=minutes)
