"""How sessions are told of in what is kept with a delivery, and in what a hook answers."""

from datetime import date

import pytest

from integration.core.model import State
from integration.inbox import wording


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (date(2026, 11, 16), "The evening of Monday 16 November is done."),
        (date(2025, 12, 31), "The evening of Wednesday 31 December 2025 is done."),
    ],
)
def test_a_session_is_named_as_a_person_would_with_the_year_where_it_is_another(day: date, told: str) -> None:
    assert list(wording.states({(day, "evening"): State.DONE}, date(2026, 11, 22))) == [told]
