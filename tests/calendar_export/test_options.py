"""What one subscription may choose, as text from a page, a command line or the API."""

import pytest

from calendar_export.errors import FeedError
from calendar_export.options import LANGUAGES, Detail, Options, as_text, chosen

OTHER = Options(Detail.DISCREET, alarms=False, lead_minutes=120, back=365, ahead=7, rich=True, language="fr")
NUMBERS = {"lead_minutes": "0 to 120", "back": "0 to 365", "ahead": "7 to 365"}
NO_NUMBERS = [
    "",
    " ",
    "-1",
    "+5",
    "1.5",
    "1e2",
    "0x5",
    " 5",
    "5\n",
    "1_0",
    "٣",
    "²",
    "ten",
    "None",
    "00005",
    "9" * 5000,
]
NO_SWITCHES = ["", "yes", "no", "true", "True", "1", "0", "ON", "on ", "off\n"]


def test_the_defaults_say_all_ring_at_the_session_and_have_no_html():
    assert Options() == Options(Detail.FULL, alarms=True, lead_minutes=0, back=14, ahead=60, rich=False, language="en")


@pytest.mark.parametrize("options", [Options(), OTHER])
@pytest.mark.parametrize("before", [Options(), OTHER])
def test_options_written_as_text_are_read_back_as_they_were(before, options):
    assert chosen(before, as_text(options)) == options


def test_what_is_not_named_stays_as_it_was():
    assert chosen(OTHER, {"rich": "off"}) == Options(Detail.DISCREET, False, 120, 365, 7, False, "fr")
    assert chosen(OTHER, {}) == OTHER


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_can_be_chosen(language):
    assert chosen(Options(), {"language": language}).language == language


@pytest.mark.parametrize(
    "name, text, number",
    [
        ("lead_minutes", "0", 0),
        ("lead_minutes", "120", 120),
        ("back", "0", 0),
        ("back", "365", 365),
        ("ahead", "7", 7),
        ("ahead", "365", 365),
        ("ahead", "007", 7),
    ],
)
def test_a_number_may_be_as_small_and_as_large_as_its_range(name, text, number):
    assert getattr(chosen(Options(), {name: text}), name) == number


@pytest.mark.parametrize(
    "name, text",
    [
        *((name, text) for name in NUMBERS for text in NO_NUMBERS),
        ("lead_minutes", "121"),
        ("back", "366"),
        ("ahead", "6"),
        ("ahead", "366"),
    ],
)
def test_a_number_out_of_range_or_none_at_all_is_refused_with_the_range(name, text):
    with pytest.raises(FeedError, match=f"^{name}: a number from {NUMBERS[name]}$"):
        chosen(Options(), {name: text})


@pytest.mark.parametrize("name", ["alarms", "rich"])
@pytest.mark.parametrize("text", NO_SWITCHES)
def test_a_switch_is_on_or_off_and_nothing_else(name, text):
    with pytest.raises(FeedError, match=f"^{name}: on or off$"):
        chosen(Options(), {name: text})


@pytest.mark.parametrize("text", ["", "FULL", "secret", "full ", "Detail.FULL"])
def test_an_unknown_detail_is_refused_with_those_there_are(text):
    with pytest.raises(FeedError, match=r"^detail: one of full, discreet$"):
        chosen(Options(), {"detail": text})


@pytest.mark.parametrize("text", ["", "EN", "en-GB", "xx", "../de", "de\x00"])
def test_an_unknown_language_is_refused_with_those_there_are(text):
    with pytest.raises(FeedError, match=r"^language: one of en, de, es, fr$"):
        chosen(Options(), {"language": text})


@pytest.mark.parametrize("name", ["", "Rich", "color", "__class__", "x" * 10_000])
def test_an_unknown_option_is_refused_and_named_in_short_with_those_there_are(name):
    with pytest.raises(FeedError, match=r"no option is called .*detail, alarms, .*language") as caught:
        chosen(Options(), {"rich": "on", name: "on"})
    assert len(str(caught.value)) < 200


def test_one_bad_wish_refuses_them_all():
    with pytest.raises(FeedError, match="ahead"):
        chosen(Options(), {"rich": "on", "ahead": "6"})
