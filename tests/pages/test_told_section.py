"""What services were told: every message in words, who is not well, and the buttons to send again and switch on."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from integration.app import create_app
from integration.connecting import connections
from integration.dispatching import breaker, operating
from integration.dispatching.breaker import Health
from integration.dispatching.judging import Dropped, PutBack, Result
from integration.dispatching.sending import NO_UNDO, PAST_DAY, UNSEALED
from integration.outgoing import Refusal, Sent
from integration.pages.toldview import LISTED
from integration.parts import Parts
from integration.services import beaverhabits, beeminder, habitica, pixela, standard
from integration.store import outlets, recent
from integration.store.dispatches import Kind, State
from tests.dispatching.conftest import Post

NOW = datetime(2026, 6, 2, 20, 30, tzinfo=UTC)
TODAY, YESTERDAY = date(2026, 6, 2), date(2026, 6, 1)
BEAVER = {"url": "https://beaver.example.org", "token": "beaver-token-canary", "morning": "h1"}
SETTINGS: dict[str, dict[str, str]] = {
    "beaverhabits": BEAVER,
    "beeminder": {"token": "t" * 20},
    "habitica": {"user": "1" * 8 + "-2222" * 3 + "-" + "3" * 12, "token": "4" * 8 + "-5555" * 3 + "-" + "6" * 12},
    "pixela": {"username": "ada", "token": "t" * 20},
    "standard": {"url": "https://example.org/hooks/stretch"},
}
NEW_DAY = Refusal(
    "waiting_for_new_day", "Habitica has not begun its new day; open it once", after=7.5 * 3600, waiting=True
)
DOWN = Refusal("http_503", f"{standard.TITLE} is in trouble (status 503)")
GONE = Refusal("gone", f"{beaverhabits.TITLE} wants nothing more from us; connect it again to go on", gone=True)
OVER = Refusal("finished", f"that to-do is done for good at {habitica.TITLE}; choose a daily", permanent=True)


@pytest.fixture
def post(somebody: Any, clock: Any) -> Post:
    return Post(somebody.parts.store, clock, somebody.parts.keys, somebody.person.id)


@pytest.fixture
def link(somebody: Any) -> Callable[..., str]:
    """Connects somebody with a service that is told; the id."""

    def make(service: str = "beeminder", whose: Any = somebody, **settings: str) -> str:
        parts = whose.parts
        chosen = SETTINGS[service] | settings
        made = connections.add(
            parts.store, parts.keys, parts.providers, whose.person.id, service, chosen, parts.clock()
        )
        return made.connection.id

    return make


def tell(post: Post, connection: str, result: Result, slot: str = "evening", **more: Any) -> int:
    """Queues a message and lets it come to that; its id."""
    post.queue(connection, slot=slot, **more)
    post.skip()
    return post.send(result).id


def text(html: str) -> str:
    """What is read: tags away, entities and spaces plain."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def section(client: FlaskClient, somebody: Any) -> str:
    html = client.get(somebody.page).text
    begin = html.index('<h2 id="told">')
    return html[begin : html.index("</section>", begin)]


def lines(client: FlaskClient, somebody: Any) -> list[str]:
    """The messages as they are read, without their buttons."""
    found = re.findall(r"<li>(.*?)</li>", section(client, somebody), re.DOTALL)
    return [text(line.partition("<form")[0]) for line in found]


def notices(client: FlaskClient, somebody: Any) -> list[str]:
    found = re.findall(r'<div class="notice">(.*?)</div>', section(client, somebody), re.DOTALL)
    return [text(line.partition("<form")[0]) for line in found]


def again(somebody: Any, dispatch: object) -> str:
    return f"{somebody.page}/told/{dispatch}/again"


def said(response: TestResponse) -> str:
    found = re.search(r'<p class="(?:keep|notice)" role="(?:status|alert)">(.*?)</p>', response.text)
    return unescape(found[1]) if found else ""


def test_who_tells_nobody_is_shown_nothing_of_it(client: FlaskClient, somebody: Any) -> None:
    assert "Told to your services" not in client.get(somebody.page).text


def test_before_the_first_message_it_says_that_there_is_none_yet(
    client: FlaskClient, somebody: Any, link: Callable[..., str]
) -> None:
    link()
    assert "Nothing yet. From your next session on, what they are told stands here." in text(section(client, somebody))


OUTCOMES: dict[str, tuple[str, Result, str]] = {
    "sent": ("beeminder", Sent(words="kept"), "Beeminder: sent Tue 2 June, 22:30; kept. The evening of Tue 2 June"),
    "sent, in one word": (
        "beeminder",
        Sent(words="sent"),
        "Beeminder: sent Tue 2 June, 22:30. The evening of Tue 2 June",
    ),
    "so already": (
        "habitica",
        Sent(already=True),
        "Habitica: sent Tue 2 June, 22:30; it was so already. The evening of Tue 2 June",
    ),
    "its new day": (
        "habitica",
        NEW_DAY,
        (
            "Habitica: the evening of Tue 2 June waits for its new day; next try about 06:00."
            " Open it there once, and its day begins."
        ),
    ),
    "no past day": ("pixela", PAST_DAY, "Pixela: not sent: it takes no past day. The evening of Tue 2 June"),
    "no undo": ("pixela", NO_UNDO, "Pixela: not sent: cannot be undone there. The evening of Tue 2 June"),
    "done for good": (
        "habitica",
        OVER,
        "Habitica: not taken: that to-do is done for good at Habitica; choose a daily. The evening of Tue 2 June",
    ),
    "another name first": (
        "beeminder",
        Refusal("goal_refused", f"{beeminder.TITLE} took nothing for this goal; is it archived?", permanent=True),
        "Beeminder: not taken: it took nothing for this goal; is it archived? The evening of Tue 2 June",
    ),
    "in trouble": (
        "standard",
        DOWN,
        "My script: the evening of Tue 2 June is not there yet: it is in trouble (status 503); next try now.",
    ),
    "no key of ours": (
        "beeminder",
        PutBack("unsealed", UNSEALED, 300),
        (
            "Beeminder: the evening of Tue 2 June waits: its secrets cannot be opened now; whoever runs this Turntwice"
            " must give the key they were stored under."
        ),
    ),
    "given up by us": (
        "beeminder",
        Dropped("killed", "given up: we stopped five times over it, which is our mistake"),
        "Beeminder: given up: we stopped five times over it, which is our mistake. The evening of Tue 2 June",
    ),
}


@pytest.mark.parametrize(("service", "result", "told"), OUTCOMES.values(), ids=OUTCOMES)
def test_what_became_of_a_message_is_said_in_words(
    client: FlaskClient,
    somebody: Any,
    post: Post,
    link: Callable[..., str],
    service: str,
    result: Result,
    told: str,
) -> None:
    tell(post, link(service, **({"label": "My script"} if service == "standard" else {})), result)
    assert lines(client, somebody) == [told]


def test_the_titles_are_those_of_the_services_files() -> None:
    assert (beeminder.TITLE, habitica.TITLE, pixela.TITLE, beaverhabits.TITLE) == (
        "Beeminder",
        "Habitica",
        "Pixela",
        "Beaver Habits",
    )


def test_what_was_given_up_says_after_how_many_tries_and_why(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    post.queue(link("standard", label="My script"), slot="evening")
    for _ in range(10):
        post.skip()
        post.send(Refusal("http_503", str(DOWN), tries=10))
    told = "My script: given up after 10 tries: it is in trouble (status 503). The evening of Tue 2 June"
    assert lines(client, somebody) == [told]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Kind.UNDONE, "Beeminder: taken back Tue 2 June, 22:30; kept. The evening of Tue 2 June"),
        (Kind.EVENT, "Beeminder: sent Tue 2 June, 22:30; kept. Your streaks"),
        (Kind.FETCH, "Beeminder: asked Tue 2 June, 22:30; kept. What it announced"),
    ],
)
def test_every_kind_of_message_is_named(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str], kind: Kind, told: str
) -> None:
    tell(post, link(), Sent(words="kept"), kind=kind)
    assert lines(client, somebody) == [told]


def test_what_waits_says_how_long(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str], clock: Any
) -> None:
    connection = link()
    post.queue(connection, slot="evening")
    assert lines(client, somebody) == ["Beeminder: the evening of Tue 2 June goes out now."]
    leased = post.one()
    assert lines(client, somebody) == ["Beeminder: the evening of Tue 2 June is on its way now."]
    post.finish(leased, PutBack("stopped", "", after=2 * 3600, begun=True))
    later = "Beeminder: the evening of Tue 2 June waits its turn; next try about 00:30."
    assert [line.replace("is not there yet: ", "") for line in lines(client, somebody)] == [later]


def test_what_was_cut_off_as_we_stopped_says_what_a_later_try_came_to(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    tell(post, link(), PutBack("stopped", "", begun=True))
    post.send(Refusal("rate_limited", "Beeminder asks us to wait", after=7200))
    [told] = lines(client, somebody)
    assert told.startswith("Beeminder: the evening of Tue 2 June is not there yet: it asks us to wait; next try")


def test_next_tries_on_another_day_name_the_day(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    tell(post, link("habitica"), Refusal("waiting_for_new_day", str(NEW_DAY), after=86_400, waiting=True))
    [told] = lines(client, somebody)
    assert "waits for its new day; next try about Wed 3 June, 22:30." in told


def test_a_service_that_does_not_answer_is_named_with_the_time_and_its_messages_wait(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str], clock: Any
) -> None:
    clock.move(minutes=-50)
    post.queue(link("beaverhabits"), slot="evening")
    for _ in range(3):
        post.skip()
        post.send(DOWN)
    clock.now = NOW
    assert notices(client, somebody) == ["Beaver Habits has not answered since 21:40; we try about once a minute."]
    assert lines(client, somebody) == ["Beaver Habits: the evening of Tue 2 June waits until it answers again."]


def test_one_that_has_trouble_now_and_then_is_told_of_as_everywhere(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str], clock: Any
) -> None:
    connection = link("standard", label="My script")
    stands = Health(failures=6, failing_since=clock() - timedelta(minutes=50), noticed=50)
    with post.store.writing() as db:
        outlets.save(db, connection, stands, None)
    sentence = breaker.sentence(stands, "My script", "21:40")
    assert sentence is not None
    assert notices(client, somebody) == [sentence]


def test_one_that_is_well_is_not_mentioned(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    tell(post, link(), Sent(words="kept"))
    assert notices(client, somebody) == []


def switched_off(post: Post, link: Callable[..., str]) -> tuple[str, int]:
    connection = link("beaverhabits")
    dispatch = tell(post, connection, GONE)
    return connection, dispatch


def test_one_that_was_switched_off_says_why_and_has_a_switch(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    connection, dispatch = switched_off(post, link)
    post.queue(connection, slot="morning")
    assert notices(client, somebody) == [
        (
            "Beaver Habits was switched off Tue 2 June, 22:30: it wants nothing more from us."
            " Once it is well, switch it on."
        )
    ]
    assert lines(client, somebody)[0] == "Beaver Habits: not sent: it was switched off then. The morning of Tue 2 June"
    assert "Send again" not in section(client, somebody)
    switch = re.search(r'action="([^"]+/enable)"', section(client, somebody))
    assert switch is not None
    response = client.post(switch[1])
    assert (response.status_code, response.headers["Location"].rpartition("#")[2]) == (303, "told")
    assert "It is switched on." in said(client.get(response.headers["Location"]))
    assert post.outlet(connection).health == Health()
    assert notices(client, somebody) == []
    assert again(somebody, dispatch) in section(client, somebody)


def test_after_five_days_without_an_answer_the_words_say_so(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str], clock: Any
) -> None:
    connection = link("beaverhabits")
    stands = breaker.disabled(Health(failures=99, failing_since=clock() - timedelta(days=5)), breaker.SILENT, clock())
    with post.store.writing() as db:
        outlets.save(db, connection, stands, None)
    [told] = notices(client, somebody)
    assert "was switched off Tue 2 June, 22:30: it took nothing for five days." in told


def test_switching_on_what_is_on_leaves_its_lease_and_pauses_alone(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    connection = link()
    post.queue(connection)
    post.one()
    before = post.outlet(connection)
    assert client.post(f"{somebody.page}/connections/{connection}/enable").status_code == 303
    assert post.outlet(connection) == before


@pytest.mark.parametrize("result", [OVER, Dropped("not_kept", "not sent: for a reason of the test")])
def test_a_message_that_was_not_sent_goes_out_again_under_its_key_and_wakes_the_worker(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str], result: Result
) -> None:
    dispatch = tell(post, link(), result)
    before = post.row(dispatch)
    rung = list[int]()
    post.store.rung = lambda: rung.append(1)
    assert again(somebody, dispatch) in section(client, somebody)
    response = client.post(again(somebody, dispatch))
    assert (response.status_code, response.headers["Location"].rpartition("#")[2]) == (303, "told")
    assert said(client.get(response.headers["Location"])) == "Thank you. It goes out again now."
    after = post.row(dispatch)
    assert (after.state, after.key, after.attempts) == (State.WAITING, before.key, 0)
    assert rung or not post.store.is_sqlite
    assert post.send(Sent(words="kept")).state is State.SENT
    assert lines(client, somebody)[0].startswith("Beeminder: sent")


def test_pressing_twice_changes_nothing_more(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    dispatch = tell(post, link(), OVER)
    for _ in range(2):
        assert client.post(again(somebody, dispatch)).status_code == 303
    assert len(post.claim(5)) == 1


def test_what_was_sent_meanwhile_is_not_sent_twice(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    dispatch = tell(post, link(), Sent(words="kept"))
    response = client.post(again(somebody, dispatch))
    assert (response.status_code, said(response)) == (422, "It was sent meanwhile.")
    assert post.row(dispatch).state is State.SENT


@pytest.mark.parametrize(
    "result", [PAST_DAY, NO_UNDO, Dropped("no_fetch", "not fetched: nothing can be asked for there"), Sent(), NEW_DAY]
)
def test_what_would_end_as_it_did_has_no_button(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str], result: Result
) -> None:
    tell(post, link(), result)
    assert "Send again" not in section(client, somebody)


def test_a_past_day_has_a_button_only_where_the_service_takes_one(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    assert (beeminder.ABILITIES.dated, habitica.ABILITIES.dated) == (True, False)
    taken, not_taken = link("beeminder"), link("habitica")
    wanted = tell(post, taken, OVER, day=YESTERDAY)
    unwanted = tell(post, not_taken, OVER, day=YESTERDAY)
    shown = section(client, somebody)
    assert again(somebody, wanted) in shown
    assert again(somebody, unwanted) not in shown


def test_what_a_later_message_overtook_has_no_button_and_cannot_be_sent(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    connection = link()
    dead = tell(post, connection, OVER)
    other = tell(post, connection, OVER, slot="morning")
    tell(post, connection, Sent(words="kept"), kind=Kind.UNDONE)
    shown = section(client, somebody)
    assert again(somebody, dead) not in shown
    assert again(somebody, other) in shown
    response = client.post(again(somebody, dead))
    assert response.status_code == 422
    assert "A later message about that session went out after it" in said(response)


def test_old_news_of_the_streak_has_no_button_once_newer_news_went_out(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    connection = link("standard")
    old = tell(post, connection, OVER, kind=Kind.EVENT)
    assert again(somebody, old) in section(client, somebody)
    tell(post, connection, Sent(words="sent"), kind=Kind.EVENT)
    assert again(somebody, old) not in section(client, somebody)


def test_what_an_ended_connection_was_told_stays_and_cannot_be_sent_again(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str], clock: Any
) -> None:
    connection = link(label="Mine")
    dead, waiting = tell(post, connection, OVER), post.queue(connection, slot="morning")
    assert waiting
    connections.revoke(post.store, connection, clock())
    assert lines(client, somebody)[0] == "Mine: not sent: the connection was ended. The morning of Tue 2 June"
    assert "<form" not in section(client, somebody)
    assert client.post(again(somebody, dead)).status_code == 422
    assert client.post(f"{somebody.page}/connections/{connection}/enable").status_code == 404


def test_the_newest_ten_are_shown_newest_first(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str], clock: Any
) -> None:
    first, second = link(label="One"), link(label="Two")
    for number in range(12):
        clock.move(minutes=1)
        tell(post, second if number % 2 else first, Sent(), day=TODAY - timedelta(days=number))
    told = lines(client, somebody)
    assert len(told) == LISTED == 10
    assert [line.partition(":")[0] for line in told[:3]] == ["Two", "One", "Two"]
    assert told[0].endswith("The evening of Fri 22 May")


def test_nobody_sees_sends_or_switches_what_is_not_theirs(
    client: FlaskClient, somebody: Any, newcomer: Callable[[], Any], post: Post, link: Callable[..., str]
) -> None:
    other = newcomer()
    theirs = link("beaverhabits", whose=other)
    their_post = Post(post.store, post.clock, post.keys, other.person.id)
    dispatch = tell(their_post, theirs, GONE)
    link()
    assert "Beaver" not in section(client, somebody)
    for wanted in (dispatch, 0, 999, "9" * 30, "x", "%00", -1):
        assert client.post(again(somebody, wanted)).status_code == 404, wanted
    for wanted in (theirs, "unknown", "%00"):
        assert client.post(f"{somebody.page}/connections/{wanted}/enable").status_code == 404, wanted
    assert their_post.outlet(theirs).health.disabled_at is not None
    assert their_post.row(dispatch).state is State.DEAD


def test_looking_changes_nothing(client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]) -> None:
    dispatch = tell(post, link(), OVER)
    before = post.all()
    for path in (again(somebody, dispatch), f"{somebody.page}/connections/x/enable"):
        assert client.get(path).status_code in (404, 405)
    client.get(somebody.page)
    assert post.all() == before


def test_what_a_label_or_a_message_says_is_text_and_no_page(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    connection = link(label="<b>Mine</b>")
    tell(post, connection, Dropped("odd", "not sent: <script>alert(1)</script>"))
    shown = section(client, somebody)
    assert "<b>" not in shown
    assert "<script" not in shown
    assert "<b>Mine</b>: not sent: <script>alert(1)</script>." in unescape(re.sub(r"</?(?:strong|p)[^>]*>", "", shown))


def test_it_keeps_to_the_manners_of_all_pages(
    client: FlaskClient, somebody: Any, post: Post, link: Callable[..., str]
) -> None:
    switched_off(post, link)
    tell(post, link(), OVER)
    response = client.get(somebody.page)
    html = response.text
    assert response.headers["Cache-Control"] == "private, no-store"
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for form in re.findall(r"<form.*?</form>", section(client, somebody), re.DOTALL):
        assert re.match(r'<form method="post" action="/me/', form)
        assert '<span class="sr">' in form


def test_the_section_costs_two_queries_and_reads_no_message_whole_however_much_was_told(
    client: FlaskClient,
    somebody: Any,
    newcomer: Callable[[], Any],
    post: Post,
    link: Callable[..., str],
    statements: list[str],
) -> None:
    connection = link()
    tell(post, connection, Sent())

    def asked() -> list[str]:
        statements.clear()
        client.get(somebody.page)
        return [told for told in statements if "dispatches" in told or "outlets" in told]

    few = asked()
    assert len(few) == 2
    assert not any("dispatches.told" in told or "tokens" in told for told in few)
    other = newcomer()
    theirs = Post(post.store, post.clock, post.keys, other.person.id)
    whole = link(whose=other)
    for back in range(40):
        tell(post, connection, Sent(), day=TODAY - timedelta(days=back + 1))
        theirs.queue(whole, day=TODAY - timedelta(days=back))
    assert asked() == few


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_the_newest_messages_are_found_along_a_persons_connections(
    somebody: Any, post: Post, link: Callable[..., str], statements: list[str]
) -> None:
    tell(post, link(), Sent())
    statements.clear()
    with post.store.reading() as db:
        recent.newest(db, somebody.person.id, LISTED)
        plan = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statements[-1]}", (somebody.person.id, LISTED, 0)).all()
    steps = [str(row[-1]) for row in plan]
    assert not any(step.startswith("SCAN") for step in steps), steps


def test_a_service_whose_file_is_gone_is_still_named(
    somebody: Any, parts: Parts, post: Post, link: Callable[..., str]
) -> None:
    dispatch = tell(post, link(label="Mine"), OVER)
    without = replace(parts, services={})
    client = create_app(without).test_client()
    [told] = lines(client, somebody)
    assert told.startswith("Mine: not taken:")
    assert again(somebody, dispatch) not in section(client, somebody)
    assert operating.find(post.store, dispatch).state is State.DEAD
