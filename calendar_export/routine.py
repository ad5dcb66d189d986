"""The stretch as data: a supine spinal rotation, its steps, its numbers, its cautions. All wording is our own.

Everything a person reads stands in a named constant or is made from one with named placeholders, so that it can be
translated. The long form is for pages; the `BRIEF` one for calendars, where it stands in every event.
Nothing here promises a cure, and nothing coaches bending forward (source: `SOURCES`, Snook).
"""

from dataclasses import dataclass

from calendar_export.errors import PlanError
from calendar_export.words import message

REPETITIONS = range(3, 6)
HOLD_SECONDS = range(31)

TITLE = "Spinal rotation, lying on your back"
# In the order in which they are done; `HOLD` goes after the third when there is a hold, `REPEAT` comes last.
STEPS = (
    "Lie on your back, knees bent, feet flat.",
    "Breathe in and let your belly rise.",
    "Breathe out, turn your hips and let both knees sink to one side.",
    "Breathe in and bring your knees back to the middle.",
    "Breathe out and let them sink to the other side, then come back the same way.",
)
HOLD = "Stay there for {seconds} seconds and keep breathing."
REPEAT = "Do this {count} times on each side, slowly."

BREATHING = "Let the breath lead: in at the middle, out as you turn."
CUES = {"morning": message("Before you get up"), "evening": message("When you lie down")}
OTHER_CUE = message("When you can lie down for a moment")
WHERE = "You can do it in bed."

WHAT_FOR = "People do it for stiffness from long sitting and for low back pain that stays."
ALSO_NAMED = (
    "disc injury",
    "sciatica",
    "dysautonomia",
    "reduced movement after an injury or surgery",
    "weak hips",
)
HYPERMOBILITY = (
    "If your joints are hypermobile, your spine may already move too much:"
    " keep the turn small, and ask a physical therapist or doctor first."
)
NO_PUSHING = "Do not push through pain: turn only as far as is comfortable."
STOP = "Stop if your low back or sacrum hurts, if you feel numb, or if a leg feels weak."
URGENT = (
    "Stop and get urgent help if you lose control of bladder or bowel,"
    " if you are numb between the legs, or if both legs turn weak."
)
WHEN_TO_STOP = (STOP, URGENT)
ASK_FIRST = (
    "If your low back or sacrum hurts, or if exercise is new to you,"
    " ask a physical therapist or doctor before you start."
)

# `BRIEF_HOLD` goes after the second step when there is a hold.
BRIEF_STEPS = (
    message("On your back, knees bent"),
    message("Breathe out: let knees sink to one side"),
    message("Breathe in: back. {count} times each side"),
)
BRIEF_HOLD = message("Breathe there for {seconds} s")
BRIEF_STOP = message("Stop at pain, numbness or a weak leg")
BRIEF_URGENT = message("Bladder or bowel trouble: urgent help")
BRIEF_ASK = message("New to it or in pain? Ask a doctor first")
BRIEF_CAUTIONS = (BRIEF_STOP, BRIEF_URGENT, BRIEF_ASK)

# Publishers and papers by name; `Dose` stays inside what their leaflets print.
SOURCES = (
    "StayWell patient sheet, snmsc.org",
    "UCI Health, health library 4463",
    "rsfitnessla.com",
    "Snook and others 1998, Spine 23:2601",
    "Northern Health and Social Care Trust, low back pain",
)


@dataclass(frozen=True, slots=True)
class Dose:
    """How much: `repetitions` a side (3 to 5) and `hold_seconds` at each side (0 to 30; 0 means no hold)."""

    repetitions: int = 4
    hold_seconds: int = 0


def check_dose(dose: Dose) -> Dose:
    """The dose itself, when it lies inside the published range. Raises PlanError that names the cure."""
    if dose.repetitions not in REPETITIONS:
        raise PlanError(f"{dose.repetitions} repetitions a side: choose 3, 4 or 5")
    if dose.hold_seconds not in HOLD_SECONDS:
        raise PlanError(f"a hold of {dose.hold_seconds} seconds: choose 0 to 30, where 0 means no hold")
    return dose


def steps(dose: Dose) -> tuple[str, ...]:
    """What to do, one sentence a step, in order, with the person's own numbers; the reader adds 1., 2., 3."""
    hold = (HOLD.format(seconds=dose.hold_seconds),) if dose.hold_seconds else ()
    return (*STEPS[:3], *hold, *STEPS[3:], REPEAT.format(count=dose.repetitions))


def brief_steps(dose: Dose) -> tuple[str, ...]:
    """The steps in short, to be translated; they name the dose as `{count}` and `{seconds}`."""
    return (*BRIEF_STEPS[:2], *((BRIEF_HOLD,) if dose.hold_seconds else ()), *BRIEF_STEPS[2:])


def cue(slot: str) -> str:
    """The moment of the day to hang a slot's session on, as the beginning of a sentence."""
    return CUES.get(slot, OTHER_CUE)
