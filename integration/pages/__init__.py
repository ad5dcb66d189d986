"""What a person sees: make a plan, my page, the page of one session. Server-rendered; every page works without scripts.

A page's address is its key, so no page sets a cookie, names a third party, or may be cached, framed or indexed.
"""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from integration.errors import NotFound
from integration.pages import connected, feeds, inbox, recipes, reconcile, settings, subscribe, told
from integration.pages.answers import harden, not_found, too_large
from integration.pages.me import MyPage
from integration.pages.mine import Mine
from integration.pages.session import SessionPage
from integration.pages.start import StartPage
from integration.parts import Parts


def create(parts: Parts) -> Blueprint:
    """The blueprint with `/`, `/me/...`, `/session/...` and `/static/...`."""
    blueprint = Blueprint(
        "pages", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
    )
    mine = Mine(parts)
    start, me, session = StartPage(parts), MyPage(mine), SessionPage(parts)
    blueprint.add_url_rule("/", "start", start.show)
    blueprint.add_url_rule("/", "make", start.make, methods=["POST"])
    blueprint.add_url_rule("/me/<key>", "me", me.show)
    blueprint.add_url_rule("/me/<key>/session", "tell", me.tell, methods=["POST"])
    blueprint.add_url_rule("/me/<key>/connections", "connect", me.connect, methods=["POST"])
    blueprint.add_url_rule("/me/<key>/connections/<connection>/revoke", "revoke", me.revoke, methods=["POST"])
    blueprint.add_url_rule("/session/<key>", "session", session.show)
    blueprint.add_url_rule("/session/<key>", "answer", session.answer, methods=["POST"])
    feeds.add_to(blueprint, mine)
    settings.add_to(blueprint, mine)
    connected.add_to(blueprint, mine)
    inbox.add_to(blueprint, mine)
    told.add_to(blueprint, mine)
    reconcile.add_to(blueprint, mine)
    subscribe.add_to(blueprint, parts)
    recipes.add_to(blueprint, parts)
    blueprint.register_error_handler(NotFound, _unknown)
    blueprint.register_error_handler(RequestEntityTooLarge, _too_large)
    blueprint.app_errorhandler(404)(_unknown)
    blueprint.after_request(harden)
    return blueprint


def _unknown(error: Exception) -> ResponseReturnValue:  # noqa: ARG001  every reason is answered alike
    return not_found()


def _too_large(error: Exception) -> ResponseReturnValue:  # noqa: ARG001  as above
    return too_large()
