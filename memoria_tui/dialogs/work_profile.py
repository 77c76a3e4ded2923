"""On which weekdays and at which hours work was done, as a grid of shades."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from memoria_tui.dialogs.dialog import Dialog
from services.times import duration

_SHADES = "░▒▓█"
_LABEL, _CELLS, _TOTAL = 5, 2, 10
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class ProfileDialog(Dialog[None]):
    """Only shows; esc leaves."""

    KEYS = (("esc", "close"),)

    def __init__(self, title: str, hours: Sequence[Sequence[float]], week_begins: int, day_begins: int = 0) -> None:
        """`hours`: seconds by weekday, Monday first, and hour of the clock on the wall."""
        super().__init__(f"Weekdays and hours · {title}", profile(hours, week_begins, day_begins))


def profile(hours: Sequence[Sequence[float]], week_begins: int, day_begins: int) -> Content:
    """A line a weekday, two cells an hour, shaded by its share of the hour with most; the totals beside and below.

    The hours of a day are in their order, the first one that at which days begin.
    """
    most = max(max(day) for day in hours)
    if not most:
        return Content("No work in this time.")
    order = [(hour + day_begins) % 24 for hour in range(24)]
    ruler = "".join(f"{hour:02}".ljust(2 * _CELLS) for hour in order[::2])
    lines = [Content.styled(" " * _LABEL + ruler, "$foreground 60%")]
    for number in range(7):
        day = (number + week_begins) % 7
        shades = [_shade(hours[day][hour], most) for hour in order]
        total = duration(sum(hours[day])) if any(hours[day]) else ""
        lines.append(Content.assemble((_DAYS[day].ljust(_LABEL), "$foreground 60%"), *shades, total.rjust(_TOTAL + 2)))
    total = duration(sum(map(sum, hours)))
    busiest = max(range(24), key=lambda hour: sum(day[hour] for day in hours))
    share = sum(day[busiest] for day in hours) / sum(map(sum, hours))
    told = f"most from {busiest:02}:00 to {busiest + 1:02}:00 ({share:.0%})"
    lines += [Content(""), Content.assemble((told, "$foreground 60%"), "   ", (total, "bold $accent"), " in all")]
    return Content("\n").join(lines)


def _shade(seconds: float, most: float) -> tuple[str, str]:
    """The cells of an hour with their style: the darkest for the hour with most; any work is seen."""
    if not seconds:
        return "·" * _CELLS, "$foreground 25%"
    return _SHADES[max(0, round(seconds / most * len(_SHADES)) - 1)] * _CELLS, "$accent"
