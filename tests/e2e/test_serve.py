"""turntwice serve as a process: what it says, how it stops, what it refuses, and connections that are kept."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from integration.config import ADDRESS_FILE, DATABASE_FILE, SECRET_FILE
from integration.server import LARGEST_HEADERS
from integration.store import schema
from integration.store.engine import Store
from tests.serving import PATIENCE_SECONDS, Served, asked, environment, free_port, send, turntwice

PLAN = ("--zone", "Europe/Berlin", "--morning", "07:00", "--evening", "22:00")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("serve") / "data").start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def person(served: Served) -> Any:
    return asked(served.env, "person", "add", *PLAN)


def test_it_says_where_the_data_is_where_to_open_it_and_that_it_made_a_secret(served: Served) -> None:
    assert f"Data: {served.data}" in served.said
    assert f"Open {served.address}/" in served.said
    assert str(served.data / SECRET_FILE) in served.said
    assert (served.data / SECRET_FILE).read_text() not in served.said
    assert {DATABASE_FILE, SECRET_FILE, ADDRESS_FILE} <= {path.name for path in served.data.iterdir()}


def test_it_is_ready_when_it_says_so(served: Served) -> None:
    assert [served.ask("GET", path).status for path in ("/", "/healthz", "/readyz", "/robots.txt")] == [200] * 4


def test_addresses_that_other_commands_hand_out_lead_to_it(served: Served, person: Any) -> None:
    assert person["page"].startswith(f"{served.address}/me/")
    assert served.ask("GET", person["page"]).status == 200


def test_two_hundred_requests_go_over_one_connection(served: Served, person: Any) -> None:
    tag = served.ask("GET", person["feed"]).headers["etag"]
    with closing(served.connect()) as connection:
        send(connection, "GET", person["feed"])
        kept = connection.sock
        for number in range(200):
            answer = send(connection, "GET", person["feed"], **({"If_None_Match": tag} if number % 2 else {}))
            assert (answer.status, len(answer.body) > 0) == ((304, False) if number % 2 else (200, True))
            assert connection.sock is kept


def test_a_304_says_nothing_of_closing_unless_it_was_asked_to(served: Served, person: Any) -> None:
    tag = served.ask("GET", person["feed"]).headers["etag"]
    with closing(served.connect()) as connection:
        assert "connection" not in send(connection, "GET", person["feed"], If_None_Match=tag).headers
        assert connection.sock is not None
        closed = send(connection, "GET", person["feed"], If_None_Match=tag, Connection="close")
        assert (closed.status, closed.headers["connection"]) == (304, "close")


def test_posts_and_polls_may_share_a_connection(served: Served, person: Any) -> None:
    hook = asked(served.env, "connection", "add", person["person"], "simple")["hook"]
    with closing(served.connect()) as connection:
        send(connection, "GET", "/healthz")
        kept = connection.sock
        for number in range(20):
            answer = send(connection, "POST", hook, b'{"id": "%d"}' % number, Content_Type="application/json")
            assert answer.status == 200
            assert send(connection, "GET", person["feed"]).status == 200
            assert connection.sock is kept


def raw(served: Served, request: bytes) -> bytes:
    """The answer to bytes as they are, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"POST /hooks/simple/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ".ljust(LARGEST_HEADERS, b"x"), b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
def test_requests_that_cannot_be_are_refused_before_they_cost_anything(
    served: Served, request_line: bytes, status: bytes
) -> None:
    assert raw(served, request_line).split(b" ", 2)[1] == status
    assert served.ask("GET", "/healthz").status == 200


def test_its_log_names_no_address_of_a_person(served: Served, person: Any) -> None:
    served.ask("POST", person["page"] + "/session", b"action=done")
    served.ask("GET", person["feed"])
    said = served.log.read_text() + served.said
    for address in (person["page"], person["feed"]):
        assert address.rpartition("_")[2][:20] not in said


def test_a_port_that_is_taken_is_one_line_and_the_other_server_goes_on(served: Served, tmp_path: Path) -> None:
    before = (served.data / ADDRESS_FILE).read_text()
    for data in (tmp_path / "data", served.data):
        refused = turntwice(environment(data), "serve", "--port", str(served.port))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert len(refused.stderr.splitlines()) == 1, refused.stderr
        assert "--port" in refused.stderr
    assert (served.data / ADDRESS_FILE).read_text() == before
    assert not (tmp_path / "data" / DATABASE_FILE).exists(), "nothing half done"
    assert served.ask("GET", "/readyz").status == 200


def test_it_stops_at_once_and_cleanly_while_connections_are_open(tmp_path: Path) -> None:
    served = Served(tmp_path / "data").start()
    with closing(served.connect()) as kept, closing(served.connect()) as slow:
        send(kept, "GET", "/healthz")
        slow.putrequest("POST", "/hooks/simple/x")
        slow.putheader("Content-Length", "100")
        slow.endheaders(b"a little")
        assert served.stop() == 0
    assert "Traceback" not in served.log.read_text()
    assert [path.name for path in served.data.glob(f"{DATABASE_FILE}-*")] == [], "the log is folded into the file"


def test_a_newer_database_is_refused_in_one_line_and_nothing_is_half_done(tmp_path: Path) -> None:
    env, port = environment(tmp_path / "data"), free_port()
    assert turntwice(env, "db", "upgrade").returncode == 0
    store = Store(f"sqlite:///{tmp_path / 'data' / DATABASE_FILE}")
    assert schema.upgrade(store) is False
    with store.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    refused = turntwice(env, "serve", "--port", str(port))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    assert "9999" in refused.stderr
    assert not (tmp_path / "data" / ADDRESS_FILE).exists()


BAD = {
    "a data folder below a file": (1, "TURNTWICE_DATA", {"DATA": "{file}/data"}, ()),
    "a short secret": (1, "TURNTWICE_SECRET_KEY", {"SECRET_KEY": "short"}, ()),
    "another database": (1, "TURNTWICE_DATABASE_URL", {"DATABASE_URL": "mysql://u:hunter2@h/n"}, ()),
    "a database that is away": (1, "database", {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/n"}, ()),
    "an address of somebody else": (1, "203.0.113.1", {}, ("--host", "203.0.113.1")),
    "a port that cannot be": (2, "--port", {}, ("--port", "70000")),
    "a port in words": (2, "--port", {}, ("--port", "http")),
}


@pytest.mark.parametrize(("status", "told", "settings", "arguments"), BAD.values(), ids=BAD)
def test_what_it_cannot_start_with_is_one_line_that_names_it(
    tmp_path: Path, status: int, told: str, settings: dict[str, str], arguments: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    settings = {name: value.format(file=tmp_path / "file") for name, value in settings.items()}
    env = environment(tmp_path / "data") | {f"TURNTWICE_{name}": value for name, value in settings.items()}
    refused = turntwice(env, "serve", "--port", str(free_port()), *arguments)
    assert (refused.returncode, refused.stdout) == (status, "")
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    assert told in refused.stderr
    assert "hunter2" not in refused.stderr


def test_an_address_that_cannot_be_noted_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data" / ADDRESS_FILE).mkdir(parents=True)
    refused = turntwice(environment(tmp_path / "data"), "serve", "--port", str(free_port()))
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
