"""The page that says, for each calendar program, where to click, and what it will show of this person's feeds."""

from dataclasses import dataclass, field

from flask import Blueprint
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from calendar_export.blueprint import Feeds
from calendar_export.clients import CLIENTS
from calendar_export.verdict import EVERYBODY
from integration.core.model import Feed
from integration.pages.answers import page
from integration.pages.cards import SHARED, drawn
from integration.pages.mine import Mine
from integration.parts import Parts
from integration.publishing import feedcheck
from integration.publishing.feedcheck import Checked
from integration.publishing.publish import Publisher
from integration.store import feeds


@dataclass(frozen=True, slots=True)
class Offered:
    """A feed to subscribe to. `rich` means that it has HTML for Outlook; `qr` is an inline SVG of `webcal`."""

    label: str
    rich: bool
    checked: Checked
    shared: str
    address: str = field(repr=False)
    webcal: str = field(repr=False)
    qr: Markup = field(repr=False)


@dataclass(frozen=True, slots=True)
class SubscribePage:
    """`/me/<key>/subscribe`."""

    parts: Parts
    published: Feeds

    def show(self, key: str) -> ResponseReturnValue:
        """The page. Raises NotFound."""
        person = Mine(self.parts).person(key)
        with self.parts.store.reading() as db:
            live = feeds.of(db, person.id)
        offered = [self._offered(feed) for feed in live]
        return page("subscribe.html", key=key, offered=offered, clients=CLIENTS, everybody=EVERYBODY)

    def _offered(self, feed: Feed) -> Offered:
        links = self.parts.links
        webcal = links.webcal(feed.key)
        return Offered(
            label=feed.label,
            rich=feed.options.rich,
            checked=feedcheck.of_feed(self.parts, self.published, feed),
            shared=SHARED[feed.options.detail],
            address=links.feed(feed.key),
            webcal=webcal,
            qr=drawn(webcal),
        )


def add_to(blueprint: Blueprint, parts: Parts) -> None:
    """Adds `/me/<key>/subscribe`, endpoint `subscribe`."""
    shown = SubscribePage(parts, Publisher(parts.store, parts.keys, parts.links, parts.clock))
    blueprint.add_url_rule("/me/<key>/subscribe", "subscribe", shown.show)
