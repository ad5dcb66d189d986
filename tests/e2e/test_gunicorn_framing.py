"""gunicorn on real sockets: it hands over what came of a body that broke off, and errors of its own for a bad chunk."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.test_several_processes import SECRET, Several
from tests.serving import asked
from tests.speaking import chunk, post, spoken, statuses
from webhooks.payload import FORM

PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00", "--start", "2026-01-01")
TOLD = b"slot=morning&date=2026-06-02&id=77"
TYPED, CHUNKED = f"Content-Type: {FORM}", "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(TOLD)}"


@pytest.fixture(scope="module")
def several(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Several]:
    settings = {"DATABASE_URL": new_database().replace("+psycopg", ""), "SECRET_KEY": SECRET, "HOOK_LIMIT": "off"}
    made = Several(tmp_path_factory.mktemp("broken") / "data", settings)
    made.settings["PUBLIC_URL"] = made.address
    try:
        yield made.start()
        assert "Traceback" not in made.log.read_text(), "what a stranger sends is no mistake of ours"
    finally:
        made.kill()


@pytest.fixture(scope="module")
def person(several: Several) -> Any:
    return asked(several.env, "person", "add", *PLAN)


@pytest.fixture(scope="module")
def hook(several: Several, person: Any) -> str:
    made: Any = asked(several.env, "connection", "add", person["person"], "simple")
    return str(made["hook"].removeprefix(several.address))


BROKEN = {
    "no byte of it": (LENGTH, b""),
    "a form, cut after its slot": (LENGTH, TOLD[:12]),
    "a chunk that stops": (CHUNKED, b"20\r\nslot=morning"),
    "chunks without an end": (CHUNKED, chunk(TOLD)[:-5]),
    "a chunk of no size": (CHUNKED, b"zz\r\nslot=morning\r\n0\r\n\r\n"),
    "a chunk longer than it says": (CHUNKED, chunk(TOLD).replace(b"\r\n0", b"XX0")),
}


@pytest.mark.parametrize("framed, body", BROKEN.values(), ids=BROKEN)
def test_what_breaks_off_is_refused_and_counts_for_nothing(
    several: Several, person: Any, hook: str, framed: str, body: bytes
) -> None:
    for path in (hook, "/hooks/simple/nobody"):
        answer = spoken(several.port, post(path, TYPED, framed, body=body), ends=True)
        assert statuses(answer) == [400], path
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "cut_short", path
    assert asked(several.env, "deliveries", "list", person["person"]) == []


def test_chunks_in_http_1_0_are_refused(several: Several, person: Any, hook: str) -> None:
    """By gunicorn itself."""
    answer = spoken(several.port, post(hook, TYPED, CHUNKED, body=chunk(TOLD), version="1.0"), ends=True)
    assert statuses(answer) == [400]
    assert asked(several.env, "deliveries", "list", person["person"]) == []


@pytest.mark.parametrize("framed, body", BROKEN.values(), ids=BROKEN)
def test_a_page_takes_no_form_that_breaks_off(several: Several, person: Any, framed: str, body: bytes) -> None:
    page = person["page"].removeprefix(several.address)
    for path in ("/", f"{page}/session", f"{page}/feeds"):
        assert statuses(spoken(several.port, post(path, TYPED, framed, body=body), ends=True)) == [400], path
    assert len(asked(several.env, "person", "list")) == 1


@pytest.mark.parametrize("framed, body", [(LENGTH, TOLD), (CHUNKED, chunk(TOLD))], ids=["length", "chunks"])
def test_what_comes_whole_is_taken_in(several: Several, framed: str, body: bytes) -> None:
    newcomer = asked(several.env, "person", "add", *PLAN)
    made = asked(several.env, "connection", "add", newcomer["person"], "simple")["hook"]
    answer = spoken(several.port, post(made.removeprefix(several.address), TYPED, framed, body=body))
    assert statuses(answer) == [200]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["counted"][0]["date"] == "2026-06-02"
    told = b"date=2026-06-02&slot=evening&action=done"
    framed, form = (f"Content-Length: {len(told)}", told) if framed is LENGTH else (CHUNKED, chunk(told))
    page = f"{newcomer['page'].removeprefix(several.address)}/session"
    assert statuses(spoken(several.port, post(page, TYPED, framed, body=form))) == [303]
