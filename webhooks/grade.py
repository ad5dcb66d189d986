"""How far a provider can be relied on, as data: the README's table is made from it."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Sample = Literal["captured", "documented", "made"]
"""Where the sample bodies come from: caught from the live service, printed in its documentation or source, or made by
us from its documented fields."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What a service gives us to rely on.

    `signed`: a signature over the raw body. `names`: what makes a copy known as one: the sender's own id of the
    delivery or of the activity, or an id that we make of its fields. `undo`: it tells when a completion is taken back.
    `checked`: the day on which somebody last saw the live service deliver to us; None where nobody did yet.
    """

    signed: bool
    names: Literal["delivery", "activity", "made"]
    undo: bool
    sample: Sample
    checked: date | None = None
