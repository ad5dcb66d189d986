"""No address with a key in it is ever answered by a redirect of the router's: it would carry the key to any host."""

import re
from itertools import product

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

KEY = "canary_4f9a.c2ln"
HOST = {"Host": "somebody.example.org", "X-Forwarded-Proto": "https"}
METHODS = ("GET", "POST", "HEAD", "OPTIONS")


def addresses(rule: Rule) -> list[str]:
    """An address of that rule, and all those with a slash too many or too few."""
    plain = re.sub(r"<[^>]+>", KEY, rule.rule)
    doubled = [f"{plain[:at]}/{plain[at:]}" for at in range(len(plain)) if plain[at] == "/"]
    return [plain, f"{plain}/", f"{plain}//", plain.replace("/", "//"), plain.rstrip("/") or "/", *doubled]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_no_address_with_a_slash_too_many_or_too_few_is_redirected(app: Flask, client: FlaskClient) -> None:
    rules = list(app.url_map.iter_rules())
    assert {"pages.me", "pages.session", "calendar.feed", "hooks.receive"} <= {rule.endpoint for rule in rules}
    asked = {(path, method) for rule, method in product(rules, METHODS) for path in addresses(rule)}
    for path, method in sorted(asked):
        # As a server gives it: the client itself would read "//name" as a host.
        answer = client.open("/", method=method, headers=HOST, environ_overrides={"PATH_INFO": path})
        assert answer.status_code not in (301, 302, 307, 308), (method, path)
        assert "Location" not in answer.headers, (method, path)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_no_rule_asks_for_a_redirect(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        assert not any([rule.defaults, rule.alias, rule.redirect_to, rule.merge_slashes]), rule
        assert rule.rule == "/" or not rule.rule.endswith("/"), f"without its slash {rule} would be redirected"


@pytest.mark.parametrize("path", ["/hooks//simple/{}", "/me//{}", "/calendar//{}.ics", "/session//{}"])
def test_an_address_with_a_double_slash_is_unknown(client: FlaskClient, path: str) -> None:
    method = "POST" if "hooks" in path else "GET"
    assert client.open(path.format(KEY), method=method, headers=HOST).status_code == 404
