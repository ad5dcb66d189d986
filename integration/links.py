"""Every address that we hand out, made from the public URL and a signed key."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from integration.keys import KeyKind, Keys


@dataclass(frozen=True, slots=True)
class SessionKey:
    """What a session's key names: the feed it stands in (by its id), the date and the slot."""

    feed: str
    date: date
    slot: str


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses under `public_url`, which has no trailing slash."""

    public_url: str
    keys: Keys

    def page(self, random: str) -> str:
        return f"{self.public_url}/me/{self.keys.key(KeyKind.ME, random)}"

    def feed(self, random: str) -> str:
        return f"{self.public_url}/calendar/{self.keys.key(KeyKind.FEED, random)}.ics"

    def webcal(self, random: str) -> str:
        """The feed under the scheme that calendar programs open by themselves."""
        return self.feed(random).replace(urlsplit(self.public_url).scheme, "webcal", 1)

    def hook(self, service: str, random: str) -> str:
        return f"{self.public_url}/hooks/{service}/{self.keys.key(KeyKind.HOOK, random)}"

    def session(self, feed: str, day: date, slot: str) -> str:
        """The page of one session, by the id of its feed: the link dies with that."""
        return f"{self.public_url}/session/{self.keys.key(KeyKind.SESSION, f'{feed}~{day:%Y%m%d}~{slot}')}"

    def read_session(self, key: str) -> SessionKey:
        """What a session's key names. Raises NotFound for anything that we did not sign."""
        feed, day, slot = self.keys.read(KeyKind.SESSION, key).split("~")
        return SessionKey(feed, date.fromisoformat(day), slot)
