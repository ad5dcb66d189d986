"""What a connection's settings say of remote habits: plain text that any answer can be added to, and taken from."""

from unicodedata import normalize

import pytest

from integration.core.habits import MOST, counted, identity, ignored, mapped, named, put_away, title
from integration.core.placing import mapped_slots, names_one_of
from integration.inbox.admission import words
from webhooks.report import Kind, Report


def told(*names: str) -> Report:
    return Report(Kind.DONE, "event", habit=names)


def test_several_names_are_put_away_a_line_each_and_letter_case_does_not_matter() -> None:
    settings = put_away(put_away({"morning": "up"}, "Drink, water"), "Yoga")
    assert settings == {"morning": "up", "ignore": "Drink, water\nYoga"}
    assert ignored(settings) == {"drink, water", "yoga"}
    assert put_away(settings, "YOGA") == {"morning": "up", "ignore": "Drink, water\nYOGA"}


@pytest.mark.parametrize("take_up", [lambda s: mapped(s, "yoga", ["evening"]), lambda s: counted(s, "yoga")])
def test_what_is_taken_up_is_put_away_no_more(take_up) -> None:
    settings = take_up({"ignore": "Yoga"})
    assert ignored(settings) == set()
    assert "ignore" not in settings
    assert ignored(take_up({"ignore": "Yoga\nRun"})) == {"run"}


def test_a_habit_of_both_slots_stands_in_both() -> None:
    assert mapped({"morning": "old", "label": "x"}, "id", ["morning", "evening"]) == {
        "morning": "id",
        "evening": "id",
        "label": "x",
    }


def test_words_are_added_once_and_read_as_admission_reads_them() -> None:
    settings = counted(counted(counted({"words": "pilates , "}, "Yoga"), "yoga"), "Tai Chi")
    assert settings == {"words": "pilates, Yoga, Tai Chi"}
    assert words(settings) == ("pilates", "yoga", "tai chi")


@pytest.mark.parametrize(("kept", "said"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_it_does_not_matter_how_an_umlaut_is_written(kept: str, said: str) -> None:
    """Settings of earlier versions were kept as they were typed."""
    report, name = told(normalize(said, "Dehnübung früh")), normalize(kept, "DEHNÜBUNG FRÜH")
    assert mapped_slots({"morning": name}, report) == ("morning",)
    assert named(report, ignored({"ignore": name}))
    assert names_one_of(report, words({"words": normalize(kept, "yoga, Übung")}))
    assert put_away({"ignore": name}, report.habit[0]) == {"ignore": report.habit[0]}
    assert counted({"words": name}, report.habit[0]) == {"words": name}


@pytest.mark.parametrize(("name", "word"), [("a, mindful yoga, b", "mindful yoga"), (",", ""), (" ", "")])
def test_a_comma_in_a_name_adds_no_word_of_one_letter(name: str, word: str) -> None:
    assert words(counted({}, name)) == ((word,) if word else ())


def test_no_more_than_ninety_are_kept_and_the_oldest_go() -> None:
    settings: dict[str, str] = {}
    for number in range(MOST + 5):
        settings = counted(put_away(settings, f"habit {number}"), f"word {number}")
    assert len(words(settings)) == len(ignored(settings)) == MOST
    assert f"habit {MOST + 4}" in ignored(settings)
    assert "habit 4" not in ignored(settings)


@pytest.mark.parametrize(
    ("names", "kept", "shown"),
    [
        ((), "", ""),
        (("Yoga",), "Yoga", "Yoga"),
        (("id", "Yoga"), "id", "Yoga"),
        (("id", "Yoga", "label"), "id", "Yoga"),
    ],
)
def test_a_habit_is_kept_by_its_id_and_shown_by_its_title(names: tuple[str, ...], kept: str, shown: str) -> None:
    assert (identity(told(*names)), title(told(*names))) == (kept, shown)


def test_a_report_bears_each_of_its_names() -> None:
    assert named(told("ID-1", "Yoga"), {"id-1"})
    assert named(told("ID-1", "Yoga"), {"yoga"})
    assert not named(told("ID-1", "Yoga"), {"yog"})
    assert not named(told(), {""})
