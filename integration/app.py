"""The composition root: wires the blueprints to the parts, and answers for what goes wrong."""

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from calendar_export import blueprint as calendar
from integration import pages
from integration.errors import StoreUnavailable
from integration.inbox.receiving import Inbox
from integration.parts import Parts
from integration.publishing.publish import Publisher
from integration.store import schema
from webhooks import blueprint as hooks

COME_BACK = {"Retry-After": "30"}
LARGEST_FORM = 16 * 1024
# Every page's address is a capability: it must not leak by a referrer, a frame or an index.
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

log = logging.getLogger(__name__)


def create_app(parts: Parts) -> Flask:
    """The WSGI application over a store that is migrated already."""
    app = Flask("integration", static_folder=None, template_folder=None)
    app.url_map.merge_slashes = False  # else "//" is answered with the key in a Location made of the sender's Host
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_FORM, MAX_FORM_MEMORY_SIZE=LARGEST_FORM, MAX_FORM_PARTS=100)
    app.register_blueprint(calendar.create(Publisher(parts.store, parts.keys, parts.links, parts.clock)))
    inbox = Inbox(parts.store, parts.keys, parts.providers, parts.clock, parts.app_secrets)
    app.register_blueprint(hooks.create(inbox, parts.providers, parts.clock, parts.limiter))
    shown = pages.create(parts)
    shown.before_request(_read_form)
    app.register_blueprint(shown)
    _operations(app, parts)
    app.register_error_handler(StoreUnavailable, _unavailable)
    app.register_error_handler(Exception, _mistake)
    app.after_request(_guard)
    if parts.proxies:
        # Each proxy adds whom it heard from: what stands further to the left is only claimed.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=parts.proxies, x_proto=0)  # type: ignore[method-assign]
    return app


def _operations(app: Flask, parts: Parts) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        """The process answers; it says nothing of the database."""
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        """The database answers too, and has the program's version."""
        with parts.store.reading() as db:
            ready = schema.current(db) == schema.versions()[-1]
        return Response("ok\n" if ready else "migrate\n", 200 if ready else 503, mimetype="text/plain")

    @app.get("/robots.txt")
    def robots() -> Response:
        """Served and empty of rules: Google Calendar refused feeds without one (calendar-feed rule 48)."""
        return Response("User-agent: *\nDisallow: /me/\nDisallow: /session/\n", mimetype="text/plain")


def _read_form() -> None:
    """The whole form, before anything is done by it: a part may ask for something else. Raises BadRequest."""
    if request.method != "POST":
        return
    if request.content_length is not None:
        # gunicorn ends a body that breaks off without a word; without this claim Werkzeug counts the bytes itself.
        request.environ.pop("wsgi.input_terminated", None)
    try:
        _ = request.form
    except RequestEntityTooLarge:
        raise
    except Exception:  # the sender is gone, or a chunk is none, for which each server has errors of its own
        raise BadRequest("That did not reach us whole; please send it again.") from None


def _unavailable(error: StoreUnavailable) -> Response:
    log.warning("answered 503: %s", error)
    return Response("The database is away for a moment; please try again.\n", 503, COME_BACK, mimetype="text/plain")


def _mistake(error: Exception) -> Response | HTTPException:
    """A mistake of ours, logged by the name of its route: the path holds a key."""
    if isinstance(error, HTTPException):
        return error
    log.error("a mistake in %s", request.endpoint, exc_info=error)
    return Response("Something went wrong here. It is our mistake; please try again.\n", 500, mimetype="text/plain")


def _guard(response: Response) -> Response:
    if request.endpoint == "calendar.feed":
        return response  # has them all, and is asked day and night
    present = {name.lower() for name, _ in response.headers}
    response.headers.extend([one for one in HEADERS.items() if one[0].lower() not in present])
    return response
