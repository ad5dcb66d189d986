"""The calendar programs that subscribe, as data: how each fetches, rings, shows text, and what to click there.

Source: calendar-feed section 2. What nobody measured is worded as such, and `Certainty` says how we know.
Nothing here knows a feed; what a certain feed comes to is `showing`'s.

Length: one table.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

LONGEST_AGENT = 200
REMEMBERED = 512

COPY = "Copy the calendar’s address above."


class Alarms(StrEnum):
    """What becomes of a feed's own alarms."""

    RINGS = "rings"
    OFF = "off unless switched on"
    NEVER = "never"
    UNCLEAR = "unclear"


class Certainty(StrEnum):
    """How we know, from the best to the weakest."""

    MEASURED = "we measured it"
    READ = "read in its source or its maker’s documents"
    REPORTED = "reported by users"
    UNSURE = "from memory, not checked"


@dataclass(frozen=True, slots=True)
class Client:
    """One calendar program.

    `agents` are beginnings of words in its User-Agent, lower case; `mozilla` means that it calls itself Mozilla as
    browsers do. `markup` is the property by which it takes HTML, empty for none. `from_web`: servers of its maker
    fetch, so the address must be open to the internet. `slow`: a change usually takes longer than a few hours to show.
    `ringing` says what becomes of a feed's alarms, `alerts` how to switch reminders on, `steps` where to click.
    """

    name: str
    agents: tuple[str, ...]
    refresh: str
    alarms: Alarms
    ringing: str
    html: str
    zones: str
    errors: str
    steps: tuple[str, ...]
    alerts: tuple[str, ...]
    certainty: Certainty
    markup: str = ""
    mozilla: bool = False
    from_web: bool = False
    slow: bool = False

    @property
    def rings(self) -> bool:
        """Whether a feed's alarms ring there without a switch being touched."""
        return self.alarms is Alarms.RINGS


GOOGLE = "Google Calendar"
OUTLOOK_CLASSIC = "Outlook classic"
OUTLOOK = "New Outlook and Outlook.com"
THUNDERBIRD = "Thunderbird"
GNOME = "GNOME Calendar and Evolution"
ICSX5 = "ICSx5 on Android"
HOME_ASSISTANT = "Home Assistant"
NEXTCLOUD = "Nextcloud"
NODE = "MagicMirror and other node-ical programs"

PLAIN = "It shows the plain text."
OWN_ALARM = "Set an alarm of your own for your two times, on your phone’s clock for example."

# A program stands before those whose words its User-Agent also holds.
CLIENTS = (
    Client(
        name=GOOGLE,
        agents=("google-calendar-importer",),
        mozilla=True,
        from_web=True,
        slow=True,
        refresh="It fetches in its own time: usually every 8 to 24 hours, sometimes only after days. So a tick may come"
        " late there, and on a session that has already begun it may not come at all.",
        alarms=Alarms.NEVER,
        ringing="It usually ignores the alarms of a subscription.",
        html="It shows the plain text; the HTML twin is not known to be read.",
        zones="It usually reads named time zones right, and times without a zone as UTC.",
        errors="What it does with its copy after an error is not documented; one slip in the text may cost the whole"
        " calendar.",
        steps=(
            COPY,
            "On a computer open Google Calendar; beside “Other calendars” choose the plus sign, then “From URL”.",
            "Paste the address and choose “Add calendar”. Your phone shows it soon after.",
            "If it looks stuck: remove it there, and add the same address with #2 at its end.",
        ),
        alerts=(
            "In that calendar’s settings, under “Event notifications”, you may add one of Google’s: 0 minutes before.",
        ),
        certainty=Certainty.REPORTED,
    ),
    Client(
        name=OUTLOOK,
        agents=("exchange", "microsoft/", "outlook-ios", "outlook-android", "outlook.com"),
        markup="X-ALT-DESC",
        from_web=True,
        slow=True,
        refresh="It usually fetches about every 3 hours, and it may take a day.",
        alarms=Alarms.NEVER,
        ringing="It usually ignores the alarms of a subscription.",
        html="It may show the HTML twin; that is not verified.",
        zones="It usually wants each time zone defined in the feed, and misreads times without a zone.",
        errors="It usually says little about an error, and may show an old copy.",
        steps=(
            COPY,
            "In the calendar choose “Add calendar”, then “Subscribe from web”.",
            "Paste the address, give it a name, and choose “Import”.",
        ),
        alerts=(OWN_ALARM,),
        certainty=Certainty.REPORTED,
    ),
    Client(
        name=OUTLOOK_CLASSIC,
        agents=("outlook",),
        markup="X-ALT-DESC",
        refresh="It fetches when it sends and receives, usually every 1 to 3 hours.",
        alarms=Alarms.NEVER,
        ringing="It usually ignores the alarms of an internet calendar.",
        html="Some versions show the HTML twin, others usually the plain text.",
        zones="It usually wants each time zone defined in the feed, and misreads times without a zone.",
        errors="It shows a number such as 0x80004005 and usually says no more.",
        steps=(
            COPY,
            "In the calendar choose “Add Calendar”, then “From Internet”.",
            "Paste the address, choose OK, and say yes to the question.",
            "Leave “Update limit” ticked in the subscription’s settings, under “Internet Calendars”.",
        ),
        alerts=(OWN_ALARM,),
        certainty=Certainty.REPORTED,
    ),
    Client(
        name="Apple Calendar on Mac",
        agents=("macos/", "mac+os+x/", "mac_os_x/", "mac os x/", "calendaragent"),
        refresh="It fetches as its “Auto-refresh” says, from every 5 minutes to weekly; kept in iCloud, it is usually"
        " slower.",
        alarms=Alarms.OFF,
        ringing="It rings once “remove alerts” is off; that usually is on from the start.",
        html=PLAIN,
        zones="It usually reads time zones right, and times without a zone as the Mac’s own.",
        errors="It may reject a broken feed without a word.",
        steps=(
            COPY,
            "In Calendar choose File, “New Calendar Subscription”, and paste it.",
            "Set “Auto-refresh” to every hour, and choose OK.",
        ),
        alerts=("Untick “Alerts” beside “Remove” in the subscription’s window: it usually is ticked from the start.",),
        certainty=Certainty.REPORTED,
    ),
    Client(
        name="Apple Calendar on iPhone and iPad",
        agents=("dataaccessd", "ios/", "ipados/", "watchos/", "accountsd"),
        refresh="It fetches as “Fetch New Data” in the settings says, usually about hourly; kept in iCloud, slower.",
        alarms=Alarms.OFF,
        ringing="It rings once “remove alarms” is off; that usually is on from the start.",
        html=PLAIN,
        zones="It usually reads time zones right, and times without a zone as the phone’s own.",
        errors="It may reject a broken feed without a word.",
        steps=(
            "Copy the address; or open the webcal link on the phone, or scan the code with its camera.",
            "In Calendar choose “Calendars”, “Add Calendar”, “Add Subscription Calendar”, and paste the address.",
            "Choose “Subscribe”.",
        ),
        alerts=(
            "Switch off “Remove Alarms” in the subscription’s settings: it usually is on from the start.",
            "Alerts for that calendar may have a switch of their own, behind the ⓘ in the list of calendars.",
        ),
        certainty=Certainty.REPORTED,
    ),
    Client(
        name=THUNDERBIRD,
        agents=("thunderbird", "lightning"),
        mozilla=True,
        markup="ALTREP",
        refresh="It usually fetches every 30 minutes, unless you chose otherwise, and asks only for what is new.",
        alarms=Alarms.RINGS,
        ringing="It usually rings, as long as reminders are on for that calendar.",
        html="It takes HTML only as an alternative in the description itself, and then shows that alone.",
        zones="It reads time zones by its own table; one defined by lists of dates comes out an hour late in summer.",
        errors="It switches the calendar off on most errors and back on later; after 410 it stays off, and an empty"
        " answer clears it.",
        steps=(
            COPY,
            "Choose “New Calendar”, then “On the Network”.",
            "Paste it as the location, leave the user name empty, and choose “Find Calendars”, then “Subscribe”.",
        ),
        alerts=("Leave “Show Reminders” ticked in the calendar’s properties.",),
        certainty=Certainty.READ,
    ),
    Client(
        name=GNOME,
        agents=("evolution", "gnome-calendar"),
        refresh="It usually fetches as the calendar’s own setting says, and asks only for what is new.",
        alarms=Alarms.RINGS,
        ringing="It usually rings, as long as reminders are on for that calendar.",
        html=PLAIN,
        zones="It reads time zones right; GNOME Calendar may read times without a zone as UTC.",
        errors="It empties its copy when what comes is no calendar.",
        steps=(
            COPY,
            "In GNOME Calendar open “Manage Calendars”, choose “Add Calendar”, paste the address and connect.",
            "In Evolution choose New, Calendar, of the type “On the Web”, and paste it there.",
        ),
        alerts=("If it stays silent, see that reminders are on for this calendar in Evolution’s settings.",),
        certainty=Certainty.READ,
    ),
    Client(
        name="KDE (Merkuro, KOrganizer)",
        agents=("akonadi", "korganizer", "merkuro", "kalendar", "kontact"),
        refresh="It fetches as the calendar’s own setting says, as far as we know.",
        alarms=Alarms.RINGS,
        ringing="It may ring, as far as we know.",
        html="It shows the plain text, as far as we know.",
        zones="It reads time zones as GNOME does, as far as we know.",
        errors="What it does after an error is not known to us.",
        steps=(
            COPY,
            "Add a calendar of the kind “iCal calendar file”; the menu for it may stand under Settings, Calendars.",
            "Paste the address as the file’s location, and make it read-only.",
        ),
        alerts=("If it stays silent, see that KDE’s reminder daemon runs.",),
        certainty=Certainty.UNSURE,
    ),
    Client(
        name=ICSX5,
        agents=("icsx5", "icsdroid", "davx5"),
        refresh="It fetches as often as you choose in the app: by hand, or from every 15 minutes to every week.",
        alarms=Alarms.RINGS,
        ringing="It hands the alarms to the phone’s calendar, which rings, unless you told it to ignore them.",
        html=PLAIN,
        zones="It reads time zones from the feed.",
        errors="It keeps what it has and tells you in a notification.",
        steps=(
            "Install ICSx5 from F-Droid or the Play store; DAVx5 itself hands subscriptions on to it.",
            "Copy the address on the phone, or scan the code, and choose the plus sign in ICSx5.",
            "Paste it, and set how often it fetches: every hour is plenty.",
        ),
        alerts=("Leave “Ignore alerts” off in the subscription; you can also add a standard alarm there.",),
        certainty=Certainty.READ,
    ),
    Client(
        name=HOME_ASSISTANT,
        agents=("homeassistant", "home-assistant", "home assistant"),
        slow=True,
        refresh="It fetches once a day.",
        alarms=Alarms.NEVER,
        ringing="It uses no alarms.",
        html=PLAIN,
        zones="It reads time zones right, and times without a zone as its own.",
        errors="It drops the whole calendar for one event that it cannot read.",
        steps=(
            COPY,
            "Open Settings, “Devices & services”, “Add integration”, and choose “Remote Calendar”.",
            "Give it a name and paste the address.",
        ),
        alerts=("Make an automation with the calendar’s trigger “event start”.",),
        certainty=Certainty.READ,
    ),
    Client(
        name=NEXTCLOUD,
        agents=("nextcloud",),
        refresh="It fetches as often as the feed asks, unless you set a time; older servers wait a week by themselves.",
        alarms=Alarms.OFF,
        ringing="It leaves alarms out of subscriptions, unless its server says otherwise.",
        html=PLAIN,
        zones="It reads time zones from the feed.",
        errors="It keeps what it has.",
        steps=(
            COPY,
            "In Nextcloud’s Calendar choose “New calendar”, then “New subscription from link (read-only)”.",
            "Paste it and press Enter. It shows in Nextcloud only: phones that sync with it do not get it.",
        ),
        alerts=(OWN_ALARM,),
        certainty=Certainty.READ,
    ),
    Client(
        name="Proton Calendar",
        agents=("proton",),
        from_web=True,
        slow=True,
        refresh="Its servers usually fetch every 4 to 16 hours.",
        alarms=Alarms.UNCLEAR,
        ringing="Whether it rings is unclear.",
        html="It shows the plain text, as far as we know.",
        zones="It reads named time zones, as far as we know.",
        errors="What it does after an error is not known to us.",
        steps=(
            COPY,
            "On the web, choose the plus sign beside “Other calendars”, then “Add calendar from URL”.",
            "Paste it and add it. It counts towards the calendars of your account.",
        ),
        alerts=(OWN_ALARM,),
        certainty=Certainty.REPORTED,
    ),
    Client(
        name="Fastmail",
        agents=("fastmail",),
        from_web=True,
        refresh="Its servers usually fetch every hour.",
        alarms=Alarms.UNCLEAR,
        ringing="Whether it rings is unclear.",
        html="It shows the plain text, as far as we know.",
        zones="It reads named time zones, as far as we know.",
        errors="It may switch a subscription off after one refusal.",
        steps=(
            COPY,
            "In the settings open “Calendars”, choose “Add calendar”, and the choice to subscribe by address.",
            "Paste it and save.",
        ),
        alerts=("The calendar may have default reminders in its settings.",),
        certainty=Certainty.REPORTED,
    ),
    Client(
        name="Samsung Calendar",
        agents=(),
        refresh="It subscribes to no address by itself, as far as we know: it shows what Google or ICSx5 fetched.",
        alarms=Alarms.UNCLEAR,
        ringing="It may ring with what ICSx5 hands it; with Google’s copy it usually does not.",
        html="It shows the plain text, as far as we know.",
        zones="It takes the times from Google or ICSx5, as far as we know.",
        errors="What it does after an error is not known to us.",
        steps=(
            "Install ICSx5 and subscribe there; or subscribe in Google Calendar on a computer.",
            "In Samsung Calendar tick the new calendar under “Manage calendars”.",
        ),
        alerts=("With Google’s copy, set one of Google’s notifications.",),
        certainty=Certainty.UNSURE,
    ),
    Client(
        name=NODE,
        agents=("magicmirror", "node-ical"),
        mozilla=True,
        refresh="It fetches as its own configuration says, as far as we know.",
        alarms=Alarms.NEVER,
        ringing="A wall display usually does not ring.",
        html="It shows the plain text, and may fail where the description has an alternative.",
        zones="It reads times without a zone as those of the machine it runs on.",
        errors="What it does after an error is not known to us.",
        steps=(COPY, "Put it as the “url” of a calendar into the configuration, and start the program again."),
        alerts=(OWN_ALARM,),
        certainty=Certainty.MEASURED,
    ),
)


def recognise(agent: str) -> str | None:
    """The name of the client with that User-Agent; None for browsers, and for programs that we do not know.

    Runs at every poll, so the answers are remembered (calendar-feed rule 51).
    """
    return _recognised(agent[:LONGEST_AGENT])


@lru_cache(maxsize=REMEMBERED)
def _recognised(agent: str) -> str | None:
    lowered = agent.lower()
    browser = "mozilla" in lowered
    for client, pattern in _PATTERNS:
        if (client.mozilla or not browser) and pattern.search(lowered):
            return client.name
    return None


# A name begins a word: the library axios is no iOS.
_PATTERNS = tuple(
    (client, re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, client.agents))})"))
    for client in CLIENTS
    if client.agents
)
