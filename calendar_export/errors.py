"""What can go wrong with a plan or a feed. Every error carries a short `reason` label for logs and counters."""


class CalendarError(Exception):
    """Root of this package's errors."""

    reason = "calendar"


class PlanError(CalendarError):
    """A plan that cannot be: unknown zone, a time outside its window, slots that overlap."""

    reason = "plan"


class FeedError(CalendarError):
    """A document that must not be published: it would break the calendars that subscribed to it."""

    reason = "feed"
