"""Plans, sessions, time zones, and how calendars show them: a plan in, iCalendar bytes out."""
