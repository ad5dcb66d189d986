"""What can be relied on of each provider, in words: the README's table, and the same on our pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from webhooks.registry import Provider

NAMES = {
    "delivery": "by the sender’s id",
    "activity": "by the activity’s id",
    "made": "by what it says",
}
SAMPLES = {"captured": "caught live", "documented": "from its docs", "made": "made by us"}
HEADINGS = ("Service", "Address", "Proof", "A copy is known", "Taken back", "Samples", "Seen live")


@dataclass(frozen=True, slots=True)
class Row:
    """One provider: its address, and its SECRETS and GRADE in words."""

    name: str
    title: str
    proof: str
    copies: str
    undo: str
    samples: str
    checked: str

    @property
    def address(self) -> str:
        return f"/hooks/{self.name}/KEY"


def row(name: str, provider: Provider) -> Row:
    """The words for a provider."""
    grade = provider.GRADE
    return Row(
        name=name,
        title=provider.TITLE,
        proof=_proof(provider),
        copies=NAMES[grade.names],
        undo="yes" if grade.undo else "no",
        samples=SAMPLES[grade.sample],
        checked=grade.checked.isoformat() if grade.checked else "not yet",
    )


def table(providers: Mapping[str, Provider]) -> str:
    """The providers as a Markdown table, in the order given; it ends with a line feed."""
    rows = [row(name, provider) for name, provider in providers.items()]
    cells = [(r.title, f"`{r.address}`", r.proof, r.copies, r.undo, r.samples, r.checked) for r in rows]
    head, *lines = (f"| {' | '.join(line)} |\n" for line in (HEADINGS, *cells))
    return "".join((head, "|---" * len(HEADINGS) + "|\n", *lines))


def _proof(provider: Provider) -> str:
    needed, label = provider.SECRETS.needed, provider.SECRETS.label
    named = label[:1].lower() + label[1:]
    if needed == "none":
        return "the address"
    if needed == "optional":
        return f"the address; a {'signature' if provider.GRADE.signed else named} if you set one"
    return "a signature" if provider.GRADE.signed else f"the {named}"
