"""The forms that add a connection, one for each provider, made from the provider's own constants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webhooks.registry import Provider
from webhooks.signatures import Proof

HINTS = {
    "required": "Leave it empty and we make one. To take one from the sender, paste it here.",
    "required, given": "Paste the one that the service shows you.",
    "optional": "Leave it empty, and the secret address alone is the proof.",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One provider's form. `values` is what was typed, without the secret; `error` is one sentence."""

    service: str
    title: str
    secret: str
    secret_label: str
    secret_hint: str
    slots: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


def offers(
    providers: Mapping[str, Provider],
    slots: tuple[str, ...],
    typed: Mapping[str, str] | None = None,
    error: str = "",
) -> Sequence[Offer]:
    """A form for each provider; `typed` and `error` belong to the one whose form was sent."""
    made = []
    for service, provider in providers.items():
        proof, sent = provider.SECRETS, typed or {}
        mine = sent.get("service") == service
        kept = {name: sent[name] for name in ("label", *slots) if name in sent} if mine else {}
        label = proof.label or proof.setting
        hint, wrong = _hint(proof), error if mine else ""
        made.append(Offer(service, provider.TITLE, proof.setting, label, hint, slots, kept, wrong))
    return made


def settings(provider: Provider | None, slots: Sequence[str], typed: Mapping[str, str]) -> dict[str, str]:
    """What a form says for `integration.connections.add`: fields left blank are left out."""
    names = ["label", *slots, *filter(None, [provider.SECRETS.setting if provider else ""])]
    return {name: typed[name].strip() for name in names if typed.get(name, "").strip()}


def _hint(proof: Proof) -> str:
    return HINTS.get("required, given" if proof.needed == "required" and not proof.make else proof.needed, "")
