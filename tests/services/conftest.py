"""A service that answers by a script: what is called, in order, and what it says to each call."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.outgoing import Refusal, Reply, Request

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
        return answer

    def bodies(self) -> list[Any]:
        """What was sent as JSON, one value a call; None where nothing was sent."""
        return [None if request.body is None else json.loads(request.body) for request in self.sent]

    def done(self) -> None:
        assert len(self.sent) == len(self.lines), f"calls that never came: {self.lines[len(self.sent) :]}"


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
