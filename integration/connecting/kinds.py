"""What can be connected: by its name, the file of the provider that tells us, of the service that is told, or both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calendar_export.plan import Plan
from integration.errors import Refused
from integration.outgoing import Field, Settings
from integration.service import Service
from webhooks.registry import Provider
from webhooks.signatures import Proof

NO_PROOF = Proof("none")


@dataclass(frozen=True, slots=True)
class Kind:
    """A name that can be connected, by the files that it has: `provider` for telling us, `service` for being told."""

    name: str
    provider: Provider | None
    service: Service | None

    @property
    def title(self) -> str:
        """Its name for people."""
        named = self.provider or self.service
        return named.TITLE if named else self.name

    @property
    def proof(self) -> Proof:
        """The secret by which it proves what it tells us."""
        return self.provider.SECRETS if self.provider else NO_PROOF

    @property
    def fields(self) -> tuple[Field, ...]:
        """What we need to tell it."""
        return self.service.FIELDS if self.service else ()

    @property
    def shared(self) -> str:
        """The setting whose secret serves both ways; empty where none does."""
        names = {one.name for one in self.fields if one.secret}
        return self.proof.setting if self.proof.setting in names else ""

    @property
    def ticks(self) -> bool:
        """It is told, and one remote habit may stand for all sessions of a day: the setting `when`."""
        return self.service is not None and self.service.ABILITIES.habits and self.service.ABILITIES.holds == "tick"

    @property
    def mixed(self) -> bool:
        """It tells of other habits too: the settings `words` and `ignore`."""
        return self.provider is not None and self.provider.MIXED

    @property
    def hidden(self) -> set[str]:
        """Settings that are secret."""
        return {one.name for one in self.fields if one.secret} | ({self.proof.setting} - {""})

    def names(self, slots: Sequence[str]) -> set[str]:
        """Every setting that it takes."""
        found = {"label", *slots, *self.hidden, *(one.name for one in self.fields)}
        found |= {"when"} if self.ticks else set()
        found |= {"words", "ignore"} if self.mixed else set()
        return found | ({"account"} if hasattr(self.provider, "account") else set())


def kinds(providers: Mapping[str, Provider], services: Mapping[str, Service]) -> dict[str, Kind]:
    """All that can be connected, by name."""
    return {name: Kind(name, providers.get(name), services.get(name)) for name in sorted({*providers, *services})}


def kind_of(providers: Mapping[str, Provider], services: Mapping[str, Service], name: str) -> Kind:
    """What has that name. Raises Refused."""
    known = kinds(providers, services)
    if name not in known:
        raise Refused(f"no service is called {name[:40]!r}; there are {', '.join(known)}")
    return known[name]


def slots_of(plan: Plan) -> tuple[str, ...]:
    """Every slot that a plan has or had, in the order of the day."""
    return tuple(dict.fromkeys(slot.name for version in reversed(plan.versions) for slot in version.slots))


def for_service(kind: Kind, settings: Settings, tokens: Settings, slots: Sequence[str]) -> Settings:
    """What a service's file is handed: its own fields and the habits of the slots, and nothing else of a connection."""
    wanted = {*slots, *(one.name for one in kind.fields)}
    return {name: value for name, value in {**settings, **tokens}.items() if name in wanted}
