"""Why nothing was heard yet of a service that is to tell us: the likely cause, and the cure (habit-services 24.11)."""

from calendar_export.verdict import reaches_the_web

HERE = "Our address works only on this machine or network, so nothing on the web can reach it."
USUAL = "If nothing comes once you have completed something there, the address was most likely not pasted as a whole."
LIKELY = {
    "habitica": "Habitica tells of a task once you score it. After ten failures it switches a webhook off and tells"
    " nobody: look there whether it is on.",
    "health_auto_export": "The phone sends when its system lets it: open the app there once.",
    "hc_webhook": "The phone sends when its system lets it: open the app there once.",
    "hevy": "Hevy tells only that a workout was saved; to see what it was we need your API key.",
    "intervals_icu": "What came from Strava is never told. The app needs your consent there.",
    "todoist": "Todoist sends nothing until its app was allowed once, not even to the one who made it: the last two"
    " steps of the recipe do that.",
    "vikunja": "Vikunja calls no private address unless its own settings allow it, and says nothing of it.",
}


def likely(service: str, public_url: str) -> str:
    """The likely cause, as one or two sentences."""
    return LIKELY.get(service, USUAL) if reaches_the_web(public_url) else HERE
