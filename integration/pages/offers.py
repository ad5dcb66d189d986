"""The forms that add a connection: one for each service, grouped by which way it goes, made from its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from integration.connecting import abilities
from integration.connecting.abilities import BOTH, TELLS, TOLD
from integration.connecting.kinds import Kind, kinds
from integration.pages import linkforms
from integration.pages.fields import Form
from integration.pages.linkforms import Block
from integration.service import Service, services
from webhooks.registry import Provider

GROUPS = {
    BOTH: ("Tell us, and are told by us", "What you tick there counts here, and what you do here is ticked there."),
    TELLS: ("Tell us", "What they see you do counts here."),
    TOLD: ("Are told by us", "What you do here is noted there."),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One service's form. `told` are sentences on what it can carry; `form` names it and says what is wrong with it."""

    service: str
    title: str
    told: tuple[str, ...]
    blocks: tuple[Block, ...]
    form: Form


@dataclass(frozen=True, slots=True)
class Group:
    """The services that go one way."""

    title: str
    told: str
    offers: Sequence[Offer] = field(default_factory=tuple)


def offers(
    providers: Mapping[str, Provider],
    slots: tuple[str, ...],
    typed: Mapping[str, str] | None = None,
    error: str = "",
    known: Mapping[str, Service] | None = None,
) -> Sequence[Group]:
    """A form for each service; `typed` and `error` belong to the one whose form was sent."""
    all_kinds = kinds(providers, services() if known is None else known).values()
    return [
        Group(*words, [_offer(kind, slots, typed or {}, error) for kind in all_kinds if abilities.way(kind) == way])
        for way, words in GROUPS.items()
    ]


def _offer(kind: Kind, slots: Sequence[str], typed: Mapping[str, str], error: str) -> Offer:
    mine = typed.get("service") == kind.name
    values = linkforms.settings(kind, slots, typed) if mine else {}
    blocks = [*linkforms.mapping(kind, slots, values), *linkforms.inward(kind), *linkforms.outward(kind, values)]
    form = Form(f"add-{kind.name}", kind.title, "", f"Add {kind.title}")
    form = linkforms.refused(form, blocks, error) if mine and error else form
    told = abilities.sentences(kind.service) if kind.service else ()
    return Offer(kind.name, kind.title, told, tuple(blocks), form)
