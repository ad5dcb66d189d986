"""What all pages keep to: headers, no cookies, nobody else's resources, labels, and a life without scripts."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from integration.pages.answers import POLICY

STATIC = ("pages.css", "zone.js", "copy.js", "icon.svg")


@pytest.fixture
def dialect() -> str:
    """What it asks of the store is tried on both engines by the store's own tests."""
    return "sqlite"


@pytest.fixture(params=["start", "start, wrong", "me", "me, wrong", "me, connected", "session", "session, hurt", "404"])
def response(request: pytest.FixtureRequest, client: FlaskClient, somebody: Any) -> Any:
    match request.param:
        case "start":
            return client.get("/")
        case "start, wrong":
            return client.post("/", data={"zone": "Nowhere", "repetitions": "9"})
        case "me":
            return client.get(f"{somebody.page}?day=2026-06-01")
        case "me, wrong":
            return client.post(f"{somebody.page}/connections", data={"service": "simple", "bearer": "short"})
        case "me, connected":
            return client.post(f"{somebody.page}/connections", data={"service": "standard"})
        case "session":
            return client.get(somebody.session())
        case "session, hurt":
            return client.post(somebody.session(), data={"action": "hurt"}, follow_redirects=True)
    return client.get("/me/nobody")


def test_no_page_may_be_kept_framed_indexed_or_given_away(response: Any) -> None:
    headers = response.headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Robots-Tag"] == "noindex"
    # The first page's address is no key, and its form's Origin must be told from another site's.
    assert headers["Referrer-Policy"] == ("same-origin" if 'id="zone"' in response.text else "no-referrer")


def test_no_page_sets_a_cookie(response: Any) -> None:
    assert "Set-Cookie" not in response.headers


def test_every_page_is_ours_alone_and_has_no_style_or_script_inside(response: Any) -> None:
    html = response.text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert all(tag.endswith("></script>") for tag in re.findall(r"<script.*?</script>", html, re.DOTALL))
    fetched = re.findall(r'(?:src|<link[^>]* href)="([^"]*)"', html)
    assert fetched
    assert all(address.startswith("/static/") for address in fetched)


def test_every_page_names_its_language_its_title_and_one_heading(response: Any) -> None:
    html = response.text
    assert html.startswith('<!doctype html>\n<html lang="en">')
    assert len(re.findall(r"<title>[^<]+</title>", html)) == 1
    assert len(re.findall(r"<h1[ >]", html)) == 1


def test_every_field_has_a_label_and_every_id_is_used_once(response: Any) -> None:
    html = response.text
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for field in re.findall(r"<input[^>]*>", html):
        if 'type="hidden"' not in field:
            found = re.search(r'\sid="([^"]+)"', field)
            assert found is not None, field
            assert f'<label for="{found[1]}">' in html
    for names in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', html):
        assert set(names.split()) <= set(ids)


def test_every_form_posts_to_this_site_or_asks_my_page_and_has_a_button(response: Any) -> None:
    for form in re.findall(r"<form.*?</form>", response.text, re.DOTALL):
        assert re.match(r'<form method="(post" action="/[^/"]*|get" action="/me/[^/"]+#another-day")', form)
        assert "<button" in form


@pytest.mark.parametrize("name", STATIC)
def test_style_and_scripts_are_served_and_revalidated(client: FlaskClient, name: str) -> None:
    with client.get(f"/static/{name}") as response:
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "http" not in response.text.replace("http://www.w3.org/2000/svg", "").replace("plain http", "")
        etag = response.headers["ETag"]
    with client.get(f"/static/{name}", headers={"If-None-Match": etag}) as again:
        assert again.status_code == 304


@pytest.mark.parametrize("path", ["../me.py", "..%2fme.py", "nothing.css", "%00"])
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_the_style_answers_to_the_dark_and_to_reduced_motion(client: FlaskClient) -> None:
    with client.get("/static/pages.css") as response:
        css = response.text
    assert "prefers-color-scheme: dark" in css
    assert ":focus-visible" in css
    still, moving = css.split("@media (prefers-reduced-motion: no-preference)")
    assert "transition" in moving
    assert not re.search(r"transition|animation", still)


def colours(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#\w+);", css))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""

    def light(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(char * 2 for char in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_edges_have_enough_contrast(client: FlaskClient, scheme: str) -> None:
    with client.get("/static/pages.css") as response:
        light, _, dark = response.text.partition("@media (prefers-color-scheme: dark)")
    named = colours(light if scheme == "light" else dark)
    for ground in ("paper", "card", "accent-soft", "warm-soft"):
        for ink in ("ink", "soft", "accent", "warm"):
            assert contrast(named[ink], named[ground]) >= 4.5, (ink, ground)
        assert contrast(named["edge"], named[ground]) >= 3, ground
    assert contrast(named["on-accent"], named["accent"]) >= 4.5
