"""A service that answers by a script: what is called, in order, and what it says to each call.

Each call goes through the real door; `responses` answers in place of the network.
"""

import json
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import responses

from integration.door import Door
from integration.outgoing import Refusal, Reply, Request

ANYWHERE = Door(allow=[ip_network("0.0.0.0/0")], resolve=lambda *_: ["192.0.2.1"])
"""Takes http and any port too: some services are at home. Nothing is connected to."""
SAMPLES = Path(__file__).parents[1] / "samples"


class Script:
    """A `Call` that follows its lines (method, url, answer) and fails on any other call. `sent`: the requests so far.

    An answer is a Reply, or a Refusal that is raised as the door would raise it.
    """

    def __init__(self, *lines: tuple[str, str, Reply | Refusal]) -> None:
        self.lines = list(lines)
        self.sent: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        assert len(self.sent) < len(self.lines), f"a call too many: {request.method} {request.url}"
        method, url, answer = self.lines[len(self.sent)]
        assert (request.method, request.url) == (method, url)
        self.sent.append(request)
        if isinstance(answer, Refusal):
            raise answer
        return _through_the_door(request, answer)

    def bodies(self) -> list[Any]:
        """What was sent as JSON, one value a call; None where nothing was sent."""
        return [None if request.body is None else json.loads(request.body) for request in self.sent]

    def done(self) -> None:
        assert len(self.sent) == len(self.lines), f"calls that never came: {self.lines[len(self.sent) :]}"


def _through_the_door(request: Request, answer: Reply) -> Reply:
    headers = {name: value for name, value in answer.headers.items() if name != "content-type"}
    kind = answer.headers.get("content-type", "application/json")
    with responses.RequestsMock() as network:
        network.add(request.method, request.url, answer.body, status=answer.status, headers=headers, content_type=kind)
        return ANYWHERE(request)


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """script(("GET", "https://...", Reply(200)), ...) is a Call; at the test's end every line must have been used."""
    made = list[Script]()

    def write(*lines: tuple[str, str, Reply | Refusal]) -> Script:
        made.append(Script(*lines))
        return made[-1]

    yield write
    for each in made:
        each.done()


@pytest.fixture
def sample() -> Callable[..., Reply]:
    """sample("habitica", "daily") is the answer kept in tests/samples/habitica/replies/daily.json.

    The file holds `status`, `headers` and `body`; named values replace those of a JSON object's body.
    """

    def read(service: str, name: str, **changes: Any) -> Reply:
        kept = json.loads((SAMPLES / service / "replies" / f"{name}.json").read_text("utf-8"))
        body = kept.get("body", "")
        if changes:
            body = {**body, **changes}
        text = body if isinstance(body, str) else json.dumps(body)
        return Reply(kept.get("status", 200), kept.get("headers", {}), text.encode())

    return read
