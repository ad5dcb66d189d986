"""The recipes: each renders without a script, holds the address, and names nobody's host but placeholders.

What one says to post has been tried: it is a sample, or it is understood as it stands.
"""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask, render_template
from flask.testing import FlaskClient

from integration.pages.answers import POLICY
from integration.pages.recipes import FOLDER, OVER_SIMPLE, has_recipe, recipe_of
from webhooks.payload import FORM
from webhooks.registry import providers
from webhooks.report import Incoming

SAMPLES = Path(__file__).parents[1] / "samples" / "simple"
WRITTEN = sorted(path.stem for path in FOLDER.glob("*.html") if not path.stem.startswith("_"))
PAGES = sorted({*providers(), *OVER_SIMPLE})
HOOK, SECRET = "https://stretch.example.org/hooks/any/hook_1.2", 'whsec_<&"x'
PLACES = {"YOUR-TURNTWICE", "YOUR-OPEN-WEARABLES"}
# Its OAuth has no other address, and without OAuth it sends nothing.
THEIR_OWN = {"todoist": {"todoist.com"}}
BLOCKS = {"p", "pre", "ol", "ul", "table", "details", "section"}
VOID = {"br", "hr", "img", "input", "link", "meta"}
# What a tool puts in place of its own words, where a sample shows what was sent.
FILLED_IN = {
    "{{ type }}": "done",
    "{{ slot }}": "morning",
    "{{ now().isoformat() }}": "2026-06-03T07:05:00.123456+02:00",
    "{{ $now.toUTC().toISO() }}": "2026-06-05T05:05:00.123Z",
}
LABELS = ("What it sends:", "What it cannot:", "See that it works:")


class Nesting(HTMLParser):
    """Holds every tag against the one that closes it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in BLOCKS or not {"p", "pre"} & {*self.open}, (tag, self.open)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        """An SVG path closes itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag


def nested(html: str) -> None:
    parser = Nesting()
    parser.feed(html)
    parser.close()
    assert not parser.open


def blocks(html: str, kind: str) -> Iterator[str]:
    """The text of what is marked as a body or as YAML, as somebody copies it."""
    for found in re.findall(rf'<(code|span) class="{kind}">(.*?)</\1>', html, re.DOTALL):
        yield unescape(re.sub(r"<[^>]+>", "", found[1]))


def commands(html: str) -> list[str]:
    """The text of each block, as somebody copies it into a terminal."""
    return [
        unescape(re.sub(r"<[^>]+>", "", block))
        for block in re.findall(r"<pre><code[^>]*>(.*?)</code></pre>", html, re.DOTALL)
    ]


def read(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def content_type(body: str) -> str:
    return "application/json" if body.startswith("{") else FORM


def rendered(app: Flask, template: str, hook: str = HOOK, secret: str | None = None) -> str:
    with app.test_request_context():
        return render_template(template, hook=hook, secret=secret)


@pytest.fixture
def dialect() -> str:
    """Recipes ask nothing of the store."""
    return "sqlite"


@pytest.fixture(params=PAGES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def html(client: FlaskClient, name: str) -> str:
    response = client.get(f"/connect/{name}")
    assert response.status_code == 200
    return response.text


def test_a_recipe_has_one_heading_the_address_and_no_script(html: str, name: str) -> None:
    assert len(re.findall(r"<h1[ >]", html)) == 1
    provider = "simple" if name in OVER_SIMPLE else name
    assert f"https://YOUR-TURNTWICE/hooks/{provider}/KEY" in html
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", html)


def test_it_says_what_it_sends_what_it_cannot_and_how_to_see_that_it_works(html: str) -> None:
    assert re.findall(r"<p><strong>([^<]+)</strong>", html) == list(LABELS)


def test_it_names_no_host_but_placeholders(html: str, name: str) -> None:
    hosts = set(re.findall(r"https?://([^/\s\"'<&]+)", html))
    assert hosts <= PLACES | THEIR_OWN.get(name, set())


def test_its_tags_are_closed_in_order(html: str) -> None:
    nested(html)


def test_it_is_kept_from_caches_and_frames_like_every_page(client: FlaskClient) -> None:
    headers = client.get("/connect/simple").headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in headers


def test_the_list_leads_to_every_recipe_and_shows_every_grade(client: FlaskClient) -> None:
    response = client.get("/connect")
    nested(response.text)
    for one in PAGES:
        assert f'href="/connect/{one}"' in response.text
    rows = [read(row) for row in re.findall(r"<tr>(.*?)</tr>", response.text, re.DOTALL)][1:]
    assert len(rows) == len(providers())
    for row, provider in zip(rows, providers().values(), strict=True):
        grade = provider.GRADE
        said = ["yes" if value else "no" for value in (grade.signed, grade.names != "made", grade.undo)]
        assert row.strip().startswith(" ".join([provider.TITLE, *said]).replace("  ", " "))


@pytest.mark.parametrize("wrong", ["nobody", "_any", "_common", "Simple", "simple.html", "..%2fme", "%00"])
def test_an_unknown_recipe_is_answered_like_any_unknown_page(client: FlaskClient, wrong: str) -> None:
    answer, nobody = client.get(f"/connect/{wrong}"), client.get("/me/nobody")
    assert (answer.status_code, answer.data) == (404, nobody.data)


@pytest.mark.parametrize("written", [*WRITTEN, "_any"])
def test_the_steps_alone_hold_the_address_and_the_secret_of_a_connection(app: Flask, written: str) -> None:
    html = rendered(app, f"recipes/{written}.html", secret=SECRET)
    nested(html)
    assert HOOK in html
    assert "YOUR-TURNTWICE/hooks" not in html
    assert not re.search(r"<h[1-6]|\sid=", html)
    assert SECRET not in html
    assert "whsec_&lt;&amp;&#34;x" in html or written in ("habitica", "super_productivity", "open_wearables")


@pytest.mark.parametrize("written", [*WRITTEN, "_any"])
def test_without_a_secret_the_steps_speak_of_none(app: Flask, written: str) -> None:
    html = rendered(app, f"recipes/{written}.html")
    nested(html)
    assert "None" not in html
    assert "Bearer " not in html.replace("Bearer YOUR-TOKEN", "")


@pytest.mark.parametrize("written", sorted(OVER_SIMPLE))
def test_what_a_tool_is_told_to_post_is_a_sample(app: Flask, written: str) -> None:
    told = []
    for body in blocks(rendered(app, f"recipes/{written}.html", secret="x"), "body"):
        for ours, sent in FILLED_IN.items():
            body = body.replace(ours, sent)
        told.append((content_type(body), fields(body)))
    sent = [
        (sample["headers"].get("content-type"), fields(sample["body"]))
        for path in SAMPLES.glob("*.json")
        if (sample := json.loads(path.read_text())).get("reports")
    ]
    assert told
    assert all(one in sent for one in told), [one for one in told if one not in sent]


@pytest.mark.parametrize("provider", ["simple", "standard", "cloudevents"])
def test_what_a_sender_is_told_to_post_is_understood(app: Flask, provider: str) -> None:
    bodies = list(blocks(rendered(app, f"recipes/{provider}.html", secret="x"), "body"))
    assert bodies
    for body in bodies:
        media = "application/cloudevents+json" if provider == "cloudevents" else content_type(body)
        headers = {"content-type": media, "webhook-id": "msg_1"}
        incoming = Incoming(headers, body.encode(), datetime(2026, 6, 2, 5, 10, tzinfo=UTC))
        assert len(providers()[provider].reports(incoming)) == 1


@pytest.mark.parametrize("secret", [None, "x" * 24])
def test_home_assistant_can_read_its_yaml(app: Flask, secret: str | None) -> None:
    command, automation = map(
        yaml.safe_load, blocks(rendered(app, "recipes/home_assistant.html", secret=secret), "yaml")
    )
    ours = command["rest_command"]["turntwice"]
    assert ours["url"] == HOOK
    assert ours.get("headers", {}).get("authorization") == (secret and f"Bearer {secret}")
    [action] = automation["actions"]
    assert set(re.findall(r"{{ (\w+) }}", ours["payload"])) == set(action["data"])


def test_home_assistant_tells_of_no_press_when_a_button_goes_comes_back_or_is_renamed(app: Flask) -> None:
    """A state trigger that names no state fires on changed attributes too. A button never pressed is `unknown`."""
    _, automation = map(yaml.safe_load, blocks(rendered(app, "recipes/home_assistant.html"), "yaml"))
    [trigger] = automation["triggers"]
    assert (trigger["not_from"], trigger["not_to"]) == ("unavailable", ["unavailable", "unknown"])


def test_super_productivity_is_shown_as_it_posts_today_without_a_time(app: Flask) -> None:
    html = rendered(app, "recipes/super_productivity.html")
    [body] = map(json.loads, blocks(html, "body"))
    assert set(body["task"]) == {"id", "title", "projectId", "isDone", "tagIds"}
    assert "the time of arrival counts" in read(html)


@pytest.mark.parametrize("secret", [None, "x" * 24])
def test_the_cloudevent_of_the_terminal_is_of_now_and_new_each_time(app: Flask, secret: str | None) -> None:
    html = rendered(app, "recipes/cloudevents.html", secret=secret)
    [command] = [line for line in commands(html) if line.startswith("curl")]
    for asked, answer in (("$(date -u +%Y-%m-%dT%H:%M:%SZ)", "2026-06-02T05:05:00Z"), ("$(date +%s)", "1780376700")):
        assert command.count(asked) == 1
        command = command.replace(asked, answer)
    words = shlex.split(command.replace("\\\n", " "))
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    body = words[words.index("-d") + 1].encode()
    incoming = Incoming({name.lower(): value for name, value in headers.items()}, body, datetime.now(UTC))
    [report] = providers()["cloudevents"].reports(incoming)
    assert report.performed
    assert report.performed.at == datetime(2026, 6, 2, 5, 5, tzinfo=UTC)


@pytest.mark.parametrize("written", [*WRITTEN, "_any"])
def test_no_command_to_paste_holds_a_day_that_passes(app: Flask, written: str) -> None:
    for command in commands(rendered(app, f"recipes/{written}.html", secret="x")):
        assert "curl" not in command or not re.search(r"\b20\d\d-\d\d-\d\d", command)


def fields(body: Any) -> Any:
    """A body as a reader sees it; of a task of Super Productivity what we read and its recipe shows."""
    sent = json.loads(body) if isinstance(body, str) and body.startswith("{") else body
    if isinstance(sent, dict) and "task" in sent:
        return {"type": sent["type"], "title": sent["task"]["title"], "doneOn": sent["task"].get("doneOn")}
    return sent


def test_every_tool_over_the_simple_webhook_has_a_recipe():
    assert all(has_recipe(tool) for tool in OVER_SIMPLE)
    assert not set(OVER_SIMPLE) & set(providers())


def test_a_provider_without_a_recipe_gets_what_holds_for_all():
    assert recipe_of("bell") == "recipes/_any.html"
    assert recipe_of("habitica") == "recipes/habitica.html"


@pytest.mark.parametrize("provider", [name for name, one in providers().items() if hasattr(one, "ACTIVITIES")])
def test_the_kinds_of_activity_that_a_provider_knows_are_named_in_its_recipe(provider):
    activities: Any = getattr(providers()[provider], "ACTIVITIES")  # noqa: B009
    told = read((FOLDER / f"{provider}.html").read_text()).casefold()
    for name in activities.counts | activities.opt_in:
        assert name.isdigit() or name.casefold() in told, name
