"""The catalogues: complete, compiled, their placeholders whole, short enough to be read on a lock screen."""

import ast
import gettext
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

import calendar_export
from calendar_export import event, feed, routine, words
from calendar_export.event import Entry, State
from calendar_export.options import LANGUAGES, Detail, Options
from calendar_export.routine import Dose

PACKAGE = Path(calendar_export.__file__).parent
MADE = datetime(2026, 6, 2, 5, tzinfo=UTC)
ENTRY = Entry(
    "p1-20260602-morning@turntwice", "morning", MADE.date(), MADE, State.DUE, 0, MADE, Dose(5, 30), "https://x"
)
# What would tell others that a calendar is about a body: stems, in all four languages.
TELLING = re.compile(
    "stretch|spin|back|pain|hurt|knee|doctor|exercise|turntwice|http"
    "|dehn|dreh|rücken|wirbel|schmerz|weh|knie|arzt|ärzt|übung"
    "|estir|giro|column|espald|dolor|doli|rodilla|médic"
    "|étir|rotation|colonne|dos|douleur|mal|genou",
    re.IGNORECASE,
)
# What must be spoken of in each language: pain, numbness, leg; bladder, bowel, urgency; whom to ask.
CAUTIONS = {
    "en": (("pain", "numb", "weak leg"), ("bladder", "bowel", "urgent"), ("new", "pain", "doctor")),
    "de": (("schmerz", "taub", "bein"), ("blase", "darm", "sofort ärztliche"), ("neu", "schmerz", "ärztlich")),
    "es": (("dolor", "entumec", "pierna"), ("vejiga", "intestin", "urgencias"), ("nuevo", "duele", "médico")),
    "fr": (("douleur", "engourd", "jambe"), ("urinaire", "intestin", "urgence"), ("débute", "mal", "médical")),
}
PROMISES = re.compile("cure|heal|relief|heil|linder|beschwerdefrei|cura|alivi|guéri|soulag", re.IGNORECASE)


@cache
def used():
    """Every text that the package marks with `message`."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marked = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "message"]
    return {ast.literal_eval(call.args[0]) for call in marked}


def po(language):
    """What the translators wrote: a reader for the plain form that these files have."""
    text = path(language, "po").read_text(encoding="utf-8")
    found, name = {"msgid": "", "msgstr": ""}, ""
    entries = {}
    for line in [*text.splitlines(), 'msgid ""']:
        start = re.match(r'(msgid|msgstr) (?=")', line)
        if start:
            name = start[1]
            if name == "msgid":
                entries[found["msgid"]] = found["msgstr"]
            found[name] = ""
        if start or line.startswith('"'):
            found[name] += ast.literal_eval(line[start.end() :] if start else line)
        assert start or not line or line[0] in '"#', line
    return entries


def mo(language):
    """What the program reads, by the standard library."""
    with path(language, "mo").open("rb") as file:
        return gettext.GNUTranslations(file)._catalog


def path(language, ending):
    return PACKAGE / "locales" / language / "LC_MESSAGES" / f"turntwice.{ending}"


def placeholders(text):
    return {re.split(r"[.\[]", name)[0] for _, name, _, _ in Formatter().parse(text) if name is not None}


def every_text(options):
    entries = [replace(ENTRY, state=state, slot=slot) for state in State for slot in ("morning", "evening", "noon")]
    return [
        text for e in entries for text in (event.title(e, options), event.alarm(e, options), event.text(e, options))
    ]


def test_there_are_catalogues_for_the_languages_that_can_be_chosen_and_no_others():
    assert {folder.name for folder in (PACKAGE / "locales").iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_says_what_the_translators_wrote(language):
    compiled, written = mo(language), po(language)
    assert "charset=utf-8" in compiled.pop("")
    assert written.pop("")
    assert compiled == written


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_in_use_is_in_the_catalogue_and_nothing_else(language):
    texts = {text for text, translated in po(language).items() if text and translated}
    assert len(used()) > 25
    assert texts == used()


def test_the_english_catalogue_says_what_the_code_says():
    assert all(text == translated for text, translated in po("en").items() if text)


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_every_translation_is_one(language):
    same = {text for text, translated in po(language).items() if text == translated}
    assert same == {event.DONE_MARK}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_the_same_placeholders(language):
    for text, translated in po(language).items():
        if text:
            assert placeholders(translated) == placeholders(text), text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("detail", Detail)
def test_no_title_is_longer_than_forty_characters(language, detail):
    options = Options(detail, language=language)
    entries = [replace(ENTRY, state=state, slot=slot) for state in State for slot in ("morning", "evening", "noon")]
    titles = [event.title(entry, options) for entry in entries] + [feed.name_of(options)]
    assert max(map(len, titles)) <= 40
    assert all(title[0].isalpha() for title in titles)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_texts_of_a_language_can_be_shown(language):
    for text in every_text(Options(language=language)):
        assert text
        assert not set("{}") & set(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_session_says_when_to_stop_when_to_hurry_and_whom_to_ask(language):
    lines = event.text(ENTRY, Options(language=language)).lower().splitlines()[-4:-1]
    for line, stems in zip(lines, CAUTIONS[language], strict=True):
        for stem in stems:
            assert stem in line


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_promises_a_cure(language):
    assert [text for text in po(language).values() if PROMISES.search(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_discreet_calendar_has_no_word_that_tells(language):
    options = Options(Detail.DISCREET, language=language)
    shown = [*every_text(options), feed.name_of(options), feed.description_of(options)]
    shown.append(words.say(language, feed.NEUTRAL_NOTICE))
    assert [text for text in shown if TELLING.search(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_full_calendar_would_be_found_out(language):
    assert TELLING.search(event.title(ENTRY, Options(language=language)))
    assert TELLING.search(feed.description_of(Options(language=language)))


def test_the_cue_is_said_in_the_language_of_the_feed():
    assert words.say("de", routine.cue("morning")) == "Bevor du aufstehst"
    assert words.say("es", routine.cue("evening")) == "Cuando te acuestes"
    assert words.say("fr", routine.cue("noon")) == "Quand tu peux t’allonger un moment"


def test_a_text_or_language_that_no_catalogue_has_is_said_in_english():
    assert words.say("de", "Not {word} yet", word="known") == "Not known yet"
    assert words.say("tlh", event.TITLES["morning"]) == "Morning stretch"


def test_a_date_fits_every_pattern():
    for language in LANGUAGES:
        assert "2026" in words.say(language, event.DATE, date=date(2026, 12, 31))
