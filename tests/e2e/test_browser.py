"""The pages in a real Chromium: a plan made, a session done and undone, as a person sees it. Only loopback."""

import os
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from integration.app import create_app
from integration.links import Links
from integration.parts import Parts

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NARROWEST = 320


class Quiet(WSGIRequestHandler):
    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Keeps the addresses, which are keys, out of the output."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if "browser" in os.environ.get("TURNTWICE_TEST_REQUIRE", ""):
            pytest.fail("TURNTWICE_TEST_REQUIRE asks for the browser, and there is no chromium on the PATH")
        pytest.skip("no chromium on the PATH")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def dialect() -> str:
    """A browser cannot tell the engines apart; the tests of the pages ask both."""
    return "sqlite"


@pytest.fixture
def served(parts: Parts) -> Iterator[Parts]:
    """The app on a port of its own, with a public URL that says so, in the early afternoon."""
    parts.clock.now = datetime(2026, 6, 2, 12, 30, tzinfo=UTC)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        served = replace(parts, links=Links(f"http://127.0.0.1:{port}", parts.keys))
        server = make_server(
            "127.0.0.1", port, create_app(served), threaded=True, request_handler=Quiet, fd=listening.fileno()
        )
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def page(browser: Browser, served: Parts) -> Iterator[Page]:
    """A page in Berlin. Its test fails when a script errs, a resource is missing, or anything is fetched elsewhere."""
    home = served.links.public_url
    context = browser.new_context(base_url=home, timezone_id="Europe/Berlin", locale="en-GB")
    page, said, asked = context.new_page(), list[str](), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert context.cookies() == []
    context.close()
    # Chromium itself notes the 422 of a form that is asked again.
    assert [line for line in said if "status of 422" not in line] == []
    assert [address for address in asked if not address.startswith(home)] == []


def make_a_plan(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Make my plan").click()
    page.wait_for_url("**/me/me_*")


def session_link(page: Page, served: Parts, slot: str) -> str:
    """The link that today's session carries in the calendar, found as a calendar would: by fetching the feed."""
    address = page.get_by_label("address to subscribe to").input_value()
    document = page.request.get(address).text().replace("\r\n ", "").replace("\r", "")
    links = re.findall(rf"^URL(?:;[^:]*)?:(\S+~{served.clock():%Y%m%d}~{slot}\.\S+)$", document, re.MULTILINE)
    assert links, document[:2000]
    return links[0]


def test_the_browser_finds_the_zone_and_a_plan_is_made(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    page.get_by_label("Morning").fill("06:30")
    page.get_by_role("button", name="Make my plan").click()
    expect(page.get_by_role("heading", name="Today")).to_contain_text("Europe/Berlin")
    expect(page.get_by_role("heading", name="Morning")).to_contain_text("06:30")


def test_what_was_typed_wrong_is_told_at_its_field(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Time zone").fill("Berln")
    page.get_by_role("button", name="Make my plan").click(no_wait_after=True)
    expect(page.get_by_label("Time zone")).to_have_value("Berln")
    expect(page.locator("#zone-error")).to_be_visible()


def test_done_on_my_page_shows_the_tick_and_the_streak(page: Page, served: Parts) -> None:
    make_a_plan(page)
    evening = page.get_by_role("listitem").filter(has_text="Evening 22:00")
    evening.get_by_role("button", name="Done").click()
    expect(evening).to_contain_text("✓ Done.")
    expect(page.locator(".streaks > div").filter(has_text="active days in a row")).to_contain_text("1 best 1")
    expect(page.locator(".weeks td.today")).to_contain_text("evening done")
    served.clock.move(seconds=5)
    evening.get_by_role("button", name="Undo").click()
    expect(evening.get_by_role("button", name="Done")).to_be_visible()


def test_the_calendars_address_can_be_copied(page: Page, served: Parts) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    make_a_plan(page)
    page.get_by_role("button", name="Copy the calendar’s address").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{served.links.public_url}/calendar/feed_")
    assert page.request.get(copied).headers["content-type"].startswith("text/calendar")
    page.get_by_text("For a phone: scan it").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()


def test_the_link_in_the_calendar_opens_a_session_that_is_done_and_undone(page: Page, served: Parts) -> None:
    make_a_plan(page)
    mine = page.url
    page.goto(session_link(page, served, "evening"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("evening")
    done = page.get_by_role("button", name="Done")
    box = done.bounding_box()
    assert box is not None
    assert box["height"] >= 64
    done.click()
    expect(page.get_by_role("status")).to_contain_text("✓ Done.")
    served.clock.move(seconds=5)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Open.")
    served.clock.move(seconds=5)
    page.get_by_role("button", name="It hurt").click()
    expect(page.get_by_text("get urgent help").first).to_be_visible()
    page.goto(mine)
    expect(page.get_by_role("listitem").filter(has_text="Evening 22:00")).to_contain_text("Stopped because it hurt.")


def test_a_service_is_added_shown_once_and_revoked(page: Page) -> None:
    make_a_plan(page)
    page.get_by_text("Add a service").click()
    page.get_by_text("Add Simple webhook").first.click()
    page.locator("#add-simple-label").fill("My <b>tap</b>")
    page.get_by_role("button", name="Add Simple webhook").click()
    expect(page.locator("#hook")).to_have_value(re.compile("/hooks/simple/hook_"))
    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator("#hook")).to_have_count(0)
    page.get_by_role("button", name="Revoke My <b>tap</b>").click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_on_the_narrowest_phone(page: Page, served: Parts, scheme: str) -> None:
    page.set_viewport_size({"width": NARROWEST, "height": 640})
    page.emulate_media(color_scheme=scheme)
    page.goto("/")
    page.get_by_text("More", exact=True).click()
    assert_fits(page)
    make_a_plan(page)
    for summary in page.locator("summary").all():
        summary.click()
    assert_fits(page)
    page.goto(session_link(page, served, "evening"))
    assert_fits(page)


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST


def test_everything_can_be_reached_and_pressed_by_keyboard(page: Page, served: Parts) -> None:
    make_a_plan(page)
    page.goto(session_link(page, served, "evening"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Done")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("✓ Done.")


def test_the_pages_work_without_scripts(browser: Browser, served: Parts) -> None:
    context = browser.new_context(base_url=served.links.public_url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Make my plan").click()
    page.get_by_role("button", name="Done the evening").click()
    expect(page.get_by_text("✓ Done.")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    context.close()
