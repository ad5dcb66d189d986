"""Pixela: a graph is a habit, and the quantity of a day is how many sessions were done.

Documentation: Pixela API Document (docs.pixe.la): "Update a pixel", "Get graph definitions", "Get graph pixels list".
A pixel is set and not added to, so saying it again changes nothing. Of a free account a quarter of all calls is turned
away with 503 and `"isRejected":true`, to be repeated at once. 404 means a wrong user, token or graph alike.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from integration.outgoing import Abilities, Call, Field, Habit, Refusal, Remote, Reply, Request, Sent, Settings, Told
from integration.replies import TRIES, accepted, mapped, shaped, times

TITLE = "Pixela"
FIELDS = (
    Field("username", "User name", pattern=r"[a-z][a-z0-9-]{1,32}"),
    Field("token", "Token", "The one you chose when you signed up.", secret=True, pattern=r"[ -~]{8,128}"),
)
ABILITIES = Abilities(
    dated=True,
    undo=True,
    confirms=True,
    holds="number",
    note="Choose a graph of whole numbers; it shows how many sessions you did that day.",
)

CALLS = 6
"""One call and five more: all of them turned away happens once in 4,096."""
SPAN = timedelta(days=300)
"""Of the list of pixels, at most 365 days are given at once."""
LARGEST = 256 * 1024


class Graph(Struct):
    id: str
    name: str
    type: str


class Graphs(Struct):
    graphs: list[Graph]


class Pixel(Struct):
    date: str
    quantity: float


class Pixels(Struct):
    pixels: list[Pixel]


def complete(call: Call, settings: Settings, told: Told) -> Sent:
    day = f"/graphs/{quote(told.habit or '', safe='')}/{told.date:%Y%m%d}"
    _ask(call, settings, "PUT", day, {"quantity": str(told.done)})
    return Sent(words="kept")


def undo(call: Call, settings: Settings, told: Told) -> Sent:
    """Sets the day to what is left of it."""
    return complete(call, settings, told)


def check(call: Call, settings: Settings) -> str:
    return f"Connected as {settings['username']}. Graphs of whole numbers: {len(habits(call, settings))}."


def habits(call: Call, settings: Settings) -> Sequence[Habit]:
    found = shaped(_ask(call, settings, "GET", "/graphs").json(), TITLE, Graphs, strict=False)
    return [Habit(graph.id, graph.name) for graph in found.graphs if graph.type == "int"]


def history(call: Call, settings: Settings, first: date, last: date) -> Sequence[Remote]:
    graphs = mapped(settings, FIELDS)
    return [remote for graph in graphs for remote in _pixels(call, settings, graph, first, last)]


def _pixels(call: Call, settings: Settings, graph: str, first: date, last: date) -> Iterator[Remote]:
    while first <= last:
        end = min(first + SPAN, last)
        days = f"/graphs/{quote(graph, safe='')}/pixels?from={first:%Y%m%d}&to={end:%Y%m%d}&withBody=true"
        found = shaped(_ask(call, settings, "GET", days).json(), TITLE, Pixels, strict=False)
        for pixel in found.pixels:
            if count := times(pixel.quantity):
                yield Remote(graph, _day(pixel.date), count=count)
        first = end + timedelta(days=1)


def _ask(call: Call, settings: Settings, method: Literal["GET", "PUT"], path: str, value: object = None) -> Reply:
    headers = {"X-USER-TOKEN": settings["token"], "Content-Type": "application/json"}
    body = None if value is None else json.dumps(value).encode()
    url = f"https://pixe.la/v1/users/{quote(settings['username'], safe='')}{path}"
    for _ in range(CALLS):
        reply = call(Request(method, url, headers, body, LARGEST))
        if reply.status == 404:
            raise Refusal("not_found", "Pixela does not know that user, token or graph; check all three", tries=TRIES)
        if reply.status != 503 or b'"isRejected":true' not in reply.body.replace(b" ", b""):
            return accepted(reply, TITLE)
    raise Refusal("turned_away", "Pixela turned us away, as it does at times with free accounts", after=5)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal("unreadable_answer", f"{TITLE} named a day that we cannot read") from None
