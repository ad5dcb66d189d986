"""What one session says in a calendar."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest

from calendar_export import event, routine
from calendar_export.event import Entry, State
from calendar_export.options import LANGUAGES, Detail, Options
from calendar_export.routine import Dose

LINK = "https://stretch.example/session/session_abc.def?x=1&y=2"
DISCREET = Options(detail=Detail.DISCREET)
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
TOLD = [State.DONE, State.SKIPPED, State.HURT]


def entry_in(state):
    return replace(MORNING, state=state)


def words_of(markup):
    """The words that HTML shows, as a list."""
    return unescape(re.sub(r"<[^>]+>", " ", markup)).split()


def test_the_uid_is_made_of_person_date_and_slot_only():
    assert event.uid("p1", date(2026, 6, 2), "morning") == "p1-20260602-morning@turntwice"


def test_the_uid_of_an_alarm_is_short_lasting_and_its_own():
    uids = {event.alarm_uid(replace(MORNING, uid=f"p1-{n}@turntwice")) for n in range(2000)}
    assert len(uids) == 2000
    assert {len(uid) for uid in uids} == {12}
    assert event.alarm_uid(MORNING) == event.alarm_uid(replace(MORNING, sequence=4, state=State.DONE)) == "ap035w8AJwCV"


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


def test_a_due_title_and_text_are_the_same_for_every_date_and_revision():
    later = replace(MORNING, date=date(2027, 1, 1), sequence=7, uid="other")
    assert event.title(later) == event.title(MORNING)
    assert event.text(later) == event.text(MORNING)


def test_a_slot_of_any_name_has_a_title_and_a_cue():
    noon = replace(MORNING, slot="noon")
    assert event.title(noon) == "Noon stretch"
    assert event.text(noon).startswith(routine.OTHER_CUE)


@pytest.mark.parametrize("entry, cue", [(MORNING, "Before you get up"), (EVENING, "When you lie down")])
@pytest.mark.parametrize("state", State)
def test_the_cue_comes_first_whatever_the_state(entry, cue, state):
    assert event.text(replace(entry, state=state)).startswith(cue + "\n")


def test_the_text_has_numbered_steps_the_dose_the_cautions_the_link_and_the_sender():
    assert event.text(MORNING).splitlines() == [
        "Before you get up",
        "1. On your back, knees bent",
        "2. Breathe out: let knees sink to one side",
        "3. Breathe there for 20 s",
        "4. Breathe in: back. 5 times each side",
        "Stop at pain, numbness or a weak leg",
        "Bladder or bowel trouble: urgent help",
        "New to it or in pain? Ask a doctor first",
        f"Tell Turntwice: {LINK}",
    ]


def test_without_a_hold_there_is_no_step_for_it():
    text = event.text(replace(MORNING, dose=Dose(3)))
    assert "3. Breathe in: back. 3 times each side\nStop" in text
    assert " s\n" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", State)
def test_the_text_has_short_lines_and_no_markup(state, language):
    text = event.text(entry_in(state), Options(language=language))
    assert max(map(len, text.splitlines())) <= 120
    assert not set("<>{}\r") & set(text)


@pytest.mark.parametrize("dose", [Dose(), Dose(5, 30)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_numbers_the_steps_and_names_the_dose(language, dose):
    text = event.text(replace(MORNING, dose=dose), Options(language=language))
    steps = re.findall(r"(?m)^(\d)\. ", text)
    assert steps == [str(n) for n in range(1, len(steps) + 1)]
    assert len(steps) == (4 if dose.hold_seconds else 3)
    assert re.search(rf"\b{dose.repetitions}\b", re.sub(r"(?m)^\d\. ", "", text))
    assert bool(re.search(r"\b30\b", text)) == bool(dose.hold_seconds)


def test_without_a_link_text_and_html_name_the_sender_and_speak_of_no_link():
    alone = replace(MORNING, link=None)
    assert event.text(alone).endswith("\nFrom Turntwice")
    for words in (event.text(alone), event.html(alone)):
        assert event.LINK not in words
        assert "http" not in words
        assert "None" not in words


@pytest.mark.parametrize(
    "state, line",
    [(State.DONE, "2 June 2026: done"), (State.SKIPPED, "2 June 2026: skipped"), (State.HURT, "2 June 2026: stopped")],
)
def test_a_session_with_a_state_says_so_under_its_cue_with_its_own_date(state, line):
    lines = event.text(entry_in(state)).splitlines()
    assert lines[1 : 2 + len(event.NOTES[state])] == [line, *event.NOTES[state]]


@pytest.mark.parametrize(
    "language, shown",
    [("en", "2 June 2026: "), ("de", "02.06.2026: "), ("es", "02/06/2026: "), ("fr", "02/06/2026\xa0: ")],
)
def test_the_date_is_written_as_the_language_writes_it(language, shown):
    assert event.text(entry_in(State.DONE), Options(language=language)).splitlines()[1].startswith(shown)


@pytest.mark.parametrize("state", TOLD)
@pytest.mark.parametrize("word", ["today", "yesterday", "now", "streak", "in a row"])
def test_what_is_said_of_a_state_stays_true_when_the_copy_is_old(state, word):
    assert word not in re.split(r"\W+", event.text(entry_in(state)).lower())


def test_a_due_session_says_nothing_of_the_past():
    text = event.text(MORNING)
    assert "2026" not in text.replace(LINK, "")
    assert not any(line in text for note in event.NOTES.values() for line in note)


def test_a_session_that_hurt_names_whom_to_ask_before_the_steps():
    text = event.text(entry_in(State.HURT))
    assert text.index("ask a physical therapist or doctor") < text.index("1. ")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("link", [LINK, None])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_html_twin_says_the_same_words_in_one_line(state, link, language):
    entry, options = replace(MORNING, state=state, link=link), Options(language=language)
    plain = re.sub(r"(?m)^\d\. ", "", event.text(entry, options)).replace(link or "\0", "")
    markup = event.html(entry, options)
    assert words_of(markup) == plain.split()
    assert "\n" not in markup


def test_the_link_in_html_is_escaped_and_can_be_followed():
    assert '<a href="https://stretch.example/session/session_abc.def?x=1&amp;y=2">' in event.html(MORNING)


def test_a_quote_in_a_link_cannot_leave_its_attribute():
    markup = event.html(replace(MORNING, link='https://a.example/"><b>'))
    assert "<b>" not in markup
    assert 'href="https://a.example/&quot;&gt;&lt;b&gt;"' in markup


@pytest.mark.parametrize("state", State)
def test_the_alarm_names_the_session_without_its_state(state):
    assert event.alarm(replace(EVENING, state=state)) == "Evening stretch"


@pytest.mark.parametrize(
    "state, title",
    [
        (State.DUE, "Personal time"),
        (State.DONE, "Personal time ✓"),
        (State.SKIPPED, "Personal time"),
        (State.HURT, "Personal time"),
    ],
)
def test_a_discreet_title_is_neutral_and_shows_a_tick_at_most(state, title):
    entry = entry_in(state)
    assert event.title(entry, DISCREET) == title
    assert event.title(replace(entry, slot="backpain"), DISCREET) == title
    assert event.alarm(entry, DISCREET) == "Personal time"


@pytest.mark.parametrize("state", State)
def test_a_discreet_feed_has_no_text_and_no_link(state):
    assert event.text(entry_in(state), DISCREET) == ""
    assert list(event.blocks(entry_in(state), DISCREET)) == []
    assert event.link(entry_in(state), DISCREET) is None
    assert event.link(entry_in(state)) == LINK


@pytest.mark.parametrize(
    "dose, minutes",
    [(Dose(), 5), (Dose(3, 30), 5), (Dose(5, 20), 5), (Dose(5, 21), 10), (Dose(5, 30), 10)],
)
def test_an_event_lasts_five_minutes_or_ten_when_the_holds_need_them(dose, minutes):
    assert event.duration(replace(MORNING, dose=dose)) == timedelta(minutes=minutes)
