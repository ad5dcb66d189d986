"""The calendars on my page: one card for each live feed, in words, with the forms that change it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import lru_cache

from flask import url_for
from markupsafe import Markup

from calendar_export.clients import OUTLOOK, OUTLOOK_CLASSIC
from calendar_export.options import LANGUAGES, RANGES, Detail, Options, as_text
from integration.core.model import Feed
from integration.links import Links
from integration.pages import words
from integration.pages.fields import Field, Form, Refusal, told
from integration.publishing.feeds import LONGEST_LABEL

ANOTHER = "another"
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français"}
CHOICES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "detail": ((Detail.FULL.value, "Everything"), (Detail.DISCREET.value, "Discreet")),
    "language": tuple((code, LANGUAGE_NAMES[code]) for code in LANGUAGES),
}
SWITCH = (("on", "On"), ("off", "Off"))
TEXTS = {
    "detail": (
        "What it says",
        "Discreet is a neutral title and nothing else, where others can see it.",
    ),
    "alarms": ("Alarms", "Google and Outlook ignore them either way: switch on their own there."),
    "lead_minutes": ("Minutes before", "How long before a session the alarm rings."),
    "back": ("Days back", "How many days before this week stay in view."),
    "ahead": ("Days ahead", "How many days come into view, from this week’s Monday on."),
    "rich": ("Formatted text", "Outlook: take it. It shows the steps better and doubles the size."),
    "language": ("Language", "Of the titles and texts in the calendar."),
}
"""What each option is called on the page, and one line of help."""
FOR_OUTLOOK = "Outlook reads this one: switch on “Formatted text” under its options, and the steps look better there."
SHARED = {
    Detail.FULL: "The address is a key too: share it with nobody who should not tick sessions off.",
    Detail.DISCREET: "It holds no link, so whoever has the address sees when, and can change nothing.",
}
ROTATE = (
    "The old address stops at once, and every link in it. For 14 days it tells calendars so, then it is gone."
    " Name and options stay; subscribe again with the new address."
)
REVOKE = (
    "Its address stops at once, and every link in it. For 14 days it tells calendars so, then it is gone."
    " What you did still counts, and your other calendars stay."
)
EXTRA = "For another device, or for somebody who may see when: each has an address of its own, and ends by itself."


@dataclass(frozen=True, slots=True)
class Card:
    """A feed as my page shows it. `qr` is an inline SVG of `webcal`; `tip` is empty where there is nothing to say."""

    id: str
    label: str
    options: str
    fetched: str
    tip: str
    shared: str
    forms: tuple[Form, ...]
    address: str = field(repr=False)
    webcal: str = field(repr=False)
    qr: Markup = field(repr=False)


def cards(links: Links, key: str, live: Iterable[Feed], now: datetime, refusal: Refusal | None) -> list[Card]:
    """A card for each feed; `key` is that of the page, `refusal` belongs to the form that was sent."""
    return [_card(links, key, feed, now, refusal) for feed in live]


def another(key: str, refusal: Refusal | None) -> Form:
    """The form that makes a further feed."""
    action, fields = url_for("pages.add_feed", key=key), (_name(""), *option_fields(Options()))
    return told(Form(ANOTHER, "Another calendar", action, "Make it", EXTRA, "", fields), refusal)


def in_words(options: Options) -> str:
    """The options as one sentence."""
    discreet = options.detail is Detail.DISCREET
    parts = [
        "Discreet: a neutral title, no steps, no links" if discreet else "Everything: steps, when to stop, links",
        _alarms(options),
        f"{words.counted(options.back, 'day')} back, {options.ahead} ahead",
        *(["formatted text"] if options.rich and not discreet else []),
        LANGUAGE_NAMES[options.language],
    ]
    return words.sentence("; ".join(parts))


def option_fields(options: Options) -> tuple[Field, ...]:
    """A field for each option there is."""
    values = as_text(options)
    return tuple(_option(option.name, values[option.name]) for option in fields(Options))


def rename_form(feed: str) -> str:
    """The id of the form that relabels a feed."""
    return f"rename-{feed}"


def options_form(feed: str) -> str:
    """The id of the form that changes a feed's options."""
    return f"options-{feed}"


def _card(links: Links, key: str, feed: Feed, now: datetime, refusal: Refusal | None) -> Card:
    webcal = links.webcal(feed.key)
    return Card(
        id=feed.id,
        label=feed.label,
        options=in_words(feed.options),
        fetched=_fetched(feed, now),
        tip=_tip(feed),
        shared=SHARED[feed.options.detail],
        forms=tuple(told(form, refusal) for form in _forms(key, feed)),
        address=links.feed(feed.key),
        webcal=webcal,
        qr=drawn(webcal),
    )


def _forms(key: str, feed: Feed) -> tuple[Form, ...]:
    change = url_for("pages.change_feed", key=key, feed=feed.id)
    rotate = url_for("pages.rotate_feed", key=key, feed=feed.id)
    revoke = url_for("pages.revoke_feed", key=key, feed=feed.id)
    rename, options, about = rename_form(feed.id), options_form(feed.id), feed.label
    return (
        Form(options, "Options", change, "Save the options", "", about, option_fields(feed.options)),
        Form(rename, "Another name", change, "Save the name", "", about, (_name(feed.label),)),
        Form(f"rotate-{feed.id}", "New address", rotate, "Give it a new address", ROTATE, about),
        Form(f"revoke-{feed.id}", "End this calendar", revoke, "End it", REVOKE, about),
    )


def _name(value: str) -> Field:
    hint = "Such as Phone, Work or Family; only you see it."
    return Field("label", "What you call it", value, hint, limits={"maxlength": LONGEST_LABEL, "required": ""})


def _option(name: str, value: str) -> Field:
    label, hint = TEXTS[name]
    if name not in RANGES:
        return Field(name, label, value, hint, "choice", CHOICES.get(name, SWITCH))
    allowed = RANGES[name]
    limits = {"min": allowed[0], "max": allowed[-1], "required": "", "inputmode": "numeric"}
    return Field(name, label, value, f"{hint} {allowed[0]} to {allowed[-1]}.", "number", limits=limits)


def _alarms(options: Options) -> str:
    if not options.alarms:
        return "no alarms"
    minutes = options.lead_minutes
    return f"rings {words.counted(minutes, 'minute')} before" if minutes else "rings as a session begins"


def _fetched(feed: Feed, now: datetime) -> str:
    if feed.fetched_at is None or feed.fetched_by is None:
        return "Not fetched by a calendar yet."
    return f"Last fetched by {feed.fetched_by} {words.ago(feed.fetched_at, now)}."


def _tip(feed: Feed) -> str:
    plain = feed.options.detail is Detail.FULL and not feed.options.rich
    return FOR_OUTLOOK if plain and feed.fetched_by in (OUTLOOK, OUTLOOK_CLASSIC) else ""


@lru_cache(maxsize=256)
def drawn(address: str) -> Markup:
    """The QR code of an address as an inline SVG. Drawing takes longer than all else on the page, so it is kept."""
    import segno  # only here: a server that draws no code need not hold it

    svg = segno.make(address, error="m").svg_inline(
        scale=4, border=3, dark="#14201e", light="#ffffff", svgclass="qr", lineclass=None, omitsize=True
    )
    return Markup(svg)  # noqa: S704  drawn from our own text
