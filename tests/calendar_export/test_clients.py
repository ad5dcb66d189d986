"""The table of clients: whom a User-Agent names, and that every row says what a person needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_export import clients
from calendar_export.clients import CLIENTS, LONGEST_AGENT, REMEMBERED, Alarms, Certainty, recognise

MAC, PHONE = "Apple Calendar on Mac", "Apple Calendar on iPhone and iPad"
AGENTS = {
    "Google-Calendar-Importer": clients.GOOGLE,
    "Mozilla/5.0 (compatible; Google-Calendar-Importer)": clients.GOOGLE,
    "iOS/26.6 (23G71) dataaccessd/1.0": PHONE,
    "iPadOS/26.5.2 (23F84) dataaccessd/1.0": PHONE,
    "dataaccessd/1.0 (12H321)": PHONE,
    "iOS/17.4 (21E219) accountsd/1.0": PHONE,
    "macOS/26.6.2 (25G83) dataaccessd/1.0": MAC,
    "Mac+OS+X/10.15.7 (19H2) CalendarAgent/930.5.1": MAC,
    "Mac_OS_X/10.9.5 (13F34) CalendarAgent/176.2": MAC,
    "Microsoft.Exchange/15.20 (Windows NT 10.0; Win64; x64)": clients.OUTLOOK,
    "Microsoft Exchange/15.20": clients.OUTLOOK,
    "Microsoft/15.20": clients.OUTLOOK,
    "Outlook-iOS/2.0": clients.OUTLOOK,
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)": clients.OUTLOOK_CLASSIC,
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.3.1": clients.THUNDERBIRD,
    "Mozilla/5.0 (Windows NT 6.1; rv:52.0) Gecko/20100101 Thunderbird/52.9 Lightning/5.4.9": clients.THUNDERBIRD,
    "Evolution/3.60.2": clients.GNOME,
    "ICSx5/2.4.3 (ical4j/3.2.19 okhttp/5.3.2 Android/16)": clients.ICSX5,
    "DAVx5/4.5 (dav4jvm; okhttp/5.0) Android/16": clients.ICSX5,
    "HomeAssistant/2026.11.1 httpx/0.28.1 Python/3.13": clients.HOME_ASSISTANT,
    "Nextcloud Webcal Service": clients.NEXTCLOUD,
    "Nextcloud Webcal Crawler": clients.NEXTCLOUD,
    "ProtonCalendar/1.0": "Proton Calendar",
    "FastMail/1.0": "Fastmail",
    "Mozilla/5.0 (Node.js 22.1) MagicMirror/2.30.0": clients.NODE,
}
STRANGERS = (
    "",
    " ",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Safari/537 Edg/139",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Outlook-iOS/745.0",
    "Mozilla/5.0 (X11; Linux) AppleWebKit/605 (KHTML, like Gecko) Evolution/3.60",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Word 16.0.16529; Pro)",
    "curl/8.16.0",
    "python-requests/2.34",
    "axios/1.12.2",
    "Turntwice",
    "notnextcloud/1",
    "☃" * 400,
)
HEDGES = ("usually", "may", "not known", "not documented", "as far as we know", "unclear")


@pytest.mark.parametrize(("agent", "name"), AGENTS.items())
def test_a_calendar_program_is_known_by_its_user_agent(agent: str, name: str) -> None:
    assert recognise(agent) == name
    assert recognise(agent.swapcase()) == name


@pytest.mark.parametrize("agent", STRANGERS)
def test_browsers_and_unknown_tools_are_nobody(agent: str) -> None:
    assert recognise(agent) is None


def test_every_name_that_can_be_recognised_is_in_the_table_once() -> None:
    names = [client.name for client in CLIENTS]
    assert len(set(names)) == len(names)
    assert set(AGENTS.values()) <= set(names)


@pytest.mark.parametrize("client", [one for one in CLIENTS if one.agents], ids=lambda client: client.name)
def test_each_beginning_of_an_agent_leads_to_its_own_row(client: clients.Client) -> None:
    assert {recognise(f"x ({agent}1)") for agent in client.agents} == {client.name}


def test_a_user_agent_without_end_is_cut_and_takes_no_room() -> None:
    clients._recognised.cache_clear()
    for number in range(5):
        assert recognise("Evolution/3.60 " + "x" * LONGEST_AGENT + str(number)) == clients.GNOME
    assert recognise("x" * LONGEST_AGENT + "Evolution/3.60") is None
    assert clients._recognised.cache_info().currsize == 2


def test_the_memory_of_agents_is_bounded_and_used() -> None:
    clients._recognised.cache_clear()
    for number in range(REMEMBERED + 50):
        recognise(f"Evolution/{number}")
    assert clients._recognised.cache_info().currsize == REMEMBERED
    before = clients._recognised.cache_info().hits
    recognise(f"Evolution/{REMEMBERED + 49}")
    assert clients._recognised.cache_info().hits == before + 1


@given(st.text())
def test_any_agent_at_all_is_somebody_or_nobody(agent: str) -> None:
    assert recognise(agent) in {None, *(client.name for client in CLIENTS)}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_every_row_says_everything_in_whole_sentences(client: clients.Client) -> None:
    sentences = (
        client.refresh,
        client.ringing,
        client.html,
        client.zones,
        client.errors,
        *client.steps,
        *client.alerts,
    )
    assert client.steps
    assert client.alerts
    for sentence in sentences:
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert "  " not in sentence


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_what_nobody_checked_is_not_told_as_a_fact(client: clients.Client) -> None:
    if client.certainty in (Certainty.REPORTED, Certainty.UNSURE):
        for sentence in (client.refresh, client.ringing, client.zones, client.errors):
            assert any(word in sentence for word in HEDGES), sentence


def test_google_and_outlook_do_not_ring_and_apple_and_nextcloud_only_when_switched_on() -> None:
    kinds = {client.name: client.alarms for client in CLIENTS}
    assert {kinds[name] for name in (clients.GOOGLE, clients.OUTLOOK, clients.OUTLOOK_CLASSIC)} == {Alarms.NEVER}
    assert {kinds[name] for name in (MAC, PHONE, clients.NEXTCLOUD)} == {Alarms.OFF}
    assert {kinds[name] for name in (clients.THUNDERBIRD, clients.GNOME, clients.ICSX5)} == {Alarms.RINGS}
    assert [client.name for client in CLIENTS if client.rings and client.alarms is not Alarms.RINGS] == []
