"""How a day is named to a person."""

from datetime import date


def day_name(day: date, today: date) -> str:
    """`Tuesday 2 June`, with the year where it is not this one."""
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day:%A} {day.day} {day:%B}{year}"
