"""What waits for the person is shown however much that nobody can read came after it."""

import inspect
import re
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from integration.core import placing
from integration.core.model import Connection
from integration.inbox import admission
from integration.inbox.mapping import ASKED
from integration.pages.heard import LOOKED, WAITING
from integration.store.survey import UNPLACED
from integration.store.tables import deliveries

Post = Callable[[Connection, Any], str]


def settled_by(page: str) -> list[int]:
    """The deliveries that the page has buttons for under "Where do these belong?"."""
    first = page[page.find('id="waiting"') : page.find('id="last"')] if 'id="waiting"' in page else ""
    return [int(number) for number in dict.fromkeys(re.findall(r"/heard/(\d+)/settle", first))]


def test_what_nobody_can_read_never_hides_what_waits(
    client: FlaskClient, somebody: Any, link: Callable[..., Connection], post: Post, clock: Any
) -> None:
    simple, health = link("simple"), link("hc_webhook")
    assert post(simple, {"date": "2026-06-01"}) == "quarantined"
    [number] = settled_by(client.get(somebody.page).text)
    for connection in (simple, health):
        for nonsense in range(LOOKED + 5):
            clock.move(minutes=2)
            assert post(connection, {"exercise": nonsense, "slot": nonsense}) == "field"
    assert settled_by(client.get(somebody.page).text) == [number]


def test_looking_for_what_waits_costs_the_same_however_much_nobody_can_read(
    client: FlaskClient,
    somebody: Any,
    link: Callable[..., Connection],
    post: Post,
    clock: Any,
    statements: list[str],
) -> None:
    simple = link("simple")
    for number in range(WAITING):
        post(simple, {"date": "2026-06-01", "id": str(number)})

    def cost() -> int:
        statements.clear()
        assert len(settled_by(client.get(somebody.page).text)) == WAITING
        return len([asked for asked in statements if "deliveries" in asked])

    for number in range(20):
        post(simple, {"slot": number})
    few = cost()
    with somebody.parts.store.writing() as db:
        row = {"connection": simple.id, "received_at": clock(), "outcome": "quarantined", "reason": "field"}
        row |= {"message": "", "headers": "{}", "body": b"x"}
        db.execute(deliveries.insert(), [row for _ in range(1_000)])
    assert cost() == few


def test_every_reason_for_which_a_report_waits_is_looked_for() -> None:
    """But those of habits, which are asked about, and those of no concern."""
    source = inspect.getsource(placing) + inspect.getsource(admission)
    reasons = set(re.findall(r'Unplaced\(\s*"(\w+)"', source))
    reasons |= {placing.TOO_EARLY}
    assert reasons - admission.OF_NO_CONCERN - set(ASKED) == set(UNPLACED)
