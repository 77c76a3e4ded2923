"""What work is billed by, and what comes of it: rates, rounding, budgets, and the lines of a timesheet. All frozen.

Amounts are exact decimals. The terms of a client or project are lines as a person types them, in its metadata:

    {"billing": {"rates": ["95 EUR", "120 EUR meeting from 2027-01-01"], "rounding": "15 up day", "budget": "40 month"}}
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import Any

from services.errors import InvalidInput, Malformed
from services.model import Entity, SessionCategory
from services.storable_text import quoted
from services.times import parse_days

METADATA = "billing"
"""The key of the terms in the metadata of a client or project."""
RATE_FORM = "95 EUR, 120.50 EUR meeting, 100 EUR from 2027-01"
ROUNDING_FORM = "15 up day, 6 nearest session, or none"
BUDGET_FORM = "40 month, 120, or 120 from 2026-10"
_RATE = re.compile(
    r"(?P<amount>\d{1,9}(?:[.,]\d{1,4})?)\s*(?P<currency>[a-z]{3})(?:\s+(?P<category>[a-z]+))??(?:\s+from\s+(?P<since>\S+))?",
    re.ASCII | re.IGNORECASE,
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}(?!\d)", re.ASCII)
"""What one person reads as thousands and another one as decimals."""
ROUNDING_MINUTES = (6, 10, 15)
_BUDGET = re.compile(
    r"(?P<hours>\d{1,6}(?:[.,]\d{1,2})?)\s*h?(?:\s+(?:a\s+)?(?P<month>month))?(?:\s+from\s+(?P<since>\S+))?", re.ASCII
)
_DECIMALS = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "RWF", "UGX", "VND", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Of currencies whose smallest unit is no hundredth (ISO 4217)."""
_HOUR = timedelta(hours=1)
NEAR = 0.9
"""The share of a budget from which on it is warned of."""


class RoundingWay(StrEnum):
    """Which whole number of steps is billed, and how a person reads it before the length of a step."""

    words: str
    steps: Callable[[int, int], int]
    """Of a time and a step."""

    def __new__(cls, typed: str, words: str, steps: Callable[[int, int], int]) -> RoundingWay:
        made = str.__new__(cls, typed)
        made._value_, made.words, made.steps = typed, words, steps
        return made

    UP = "up", "up to", lambda time, step: -(-time // step)
    NEAREST = "nearest", "to the nearest", lambda time, step: (2 * time + step) // (2 * step)


class RoundingPer(StrEnum):
    """What is rounded: the time of each session, or of a day at one rate."""

    SESSION = "session"
    DAY = "day"


_WAYS = {one.value: one for one in RoundingWay}
"""By what is typed."""
_ROUNDING = re.compile(
    rf"(?P<minutes>{'|'.join(map(str, ROUNDING_MINUTES))})(?:\s*min)?(?:\s+(?P<way>{'|'.join(_WAYS)}))?"
    rf"(?:\s+(?P<per>{'|'.join(RoundingPer)}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Rate:
    """What an hour costs."""

    amount: Decimal
    currency: str
    """ISO 4217."""
    category: SessionCategory | None = None
    """None: any."""
    since: date | None = None
    """The first day on which it holds; None: always."""

    def price(self, time: timedelta) -> Decimal:
        """Of so much time, rounded half up to the currency's smallest unit."""
        digits = _DECIMALS.get(self.currency, 2)
        exact = Fraction(_micros(time), _micros(_HOUR)) * Fraction(self.amount) * 10**digits
        return Decimal(floor(exact + Fraction(1, 2))).scaleb(-digits)

    def __str__(self) -> str:
        parts = [f"{self.amount:f} {self.currency}", *([self.category.value] if self.category else [])]
        return " ".join([*parts, *([f"from {self.since}"] if self.since else [])])


@dataclass(frozen=True, slots=True)
class Rounding:
    """How time is rounded in what is billed."""

    minutes: int
    way: RoundingWay = RoundingWay.UP
    per: RoundingPer = RoundingPer.SESSION

    def of(self, time: timedelta) -> timedelta:
        """The time as it is billed; half of a step goes up."""
        step = self.minutes * 60 * 10**6
        return timedelta(microseconds=self.way.steps(_micros(time), step) * step)

    @property
    def description(self) -> str:
        """«rounded up to 15 minutes a session»."""
        return f"rounded {self.way.words} {self.minutes} minutes a {self.per}"

    def __str__(self) -> str:
        """As it is typed."""
        return f"{self.minutes} {self.way} {self.per}"


@dataclass(frozen=True, slots=True)
class Budget:
    """Hours that billable work may take: all together, or in each month."""

    hours: Decimal
    monthly: bool = False
    since: date | None = None
    """The first day that counts; None: all do."""

    def __str__(self) -> str:
        since = f" from {self.since}" if self.since else ""
        return f"{self.hours:f}{' month' if self.monthly else ''}{since}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client or project agreed to. A project's rates go before those of its client, which rounds for both."""

    rates: tuple[Rate, ...] = ()
    rounding: Rounding | None = None
    budget: Budget | None = None

    def rate(self, day: date, category: SessionCategory) -> Rate | None:
        """The newest that holds on that day; one for the category goes before one for any."""
        for wanted in (category, None):
            held = [one for one in self.rates if one.category is wanted and (one.since or date.min) <= day]
            if held:
                return max(held, key=lambda one: one.since or date.min)
        return None

    @property
    def description(self) -> str:
        """«95 EUR · rounded up to 15 minutes a session · budget 40 month»; "": nothing was agreed."""
        rounded = [self.rounding.description] if self.rounding else []
        return " · ".join([*map(str, self.rates), *rounded, *([f"budget {self.budget}"] if self.budget else [])])

    def texts(self) -> dict[str, str]:
        """Each term by its name as it is typed, "" for what was not agreed."""
        agreed = self.json()
        return {term.name: term.text(agreed.get(term.name, "")) for term in TERMS}

    def json(self) -> dict[str, object]:
        """As the metadata has them; {}: nothing was agreed."""
        said = {term.name: getattr(self, term.name) for term in TERMS}
        return {
            name: [str(one) for one in value] if isinstance(value, tuple) else str(value)
            for name, value in said.items()
            if value
        }


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timesheet: a session, or what was done in a day at one rate."""

    day: date
    """On which it was worked, for a session over midnight the first one."""
    description: str
    project: str | None
    category: SessionCategory | None
    """None: several."""
    session_ids: tuple[str, ...]
    worked: timedelta
    time: timedelta
    """As it is billed."""
    rate: Rate | None
    """None: none was agreed."""
    is_billed: bool = False

    @property
    def amount(self) -> Decimal | None:
        return self.rate.price(self.time) if self.rate else None


@dataclass(frozen=True, slots=True)
class Timesheet:
    """The billable work for a client in a month, cut at the midnights of the person's zone."""

    client: str
    month: date
    """Its first day."""
    zone: str
    rounding: Rounding | None
    lines: tuple[Line, ...]
    """By day."""
    unbillable: timedelta = timedelta()
    """Worked for the client, and not to be billed."""
    open_sessions: int = 0
    """Running and paused ones, which no line has yet."""
    day_begins: int = 0
    """The hour at which its days begin."""
    budgets: tuple[BudgetUse, ...] = ()
    """Of the client and the projects, those of which little is left."""

    @property
    def worked(self) -> timedelta:
        return sum((line.worked for line in self.lines), timedelta())

    @property
    def time(self) -> timedelta:
        """As it is billed."""
        return sum((line.time for line in self.lines), timedelta())

    def amounts(self, *, billed: bool = False) -> dict[str, Decimal]:
        """The sum of the lines by currency; `billed`: only of those that were billed."""
        sums: dict[str, Decimal] = {}
        for line in self.lines:
            if billed and not line.is_billed:
                continue
            if line.rate is not None and line.amount is not None:
                sums[line.rate.currency] = sums.get(line.rate.currency, Decimal()) + line.amount
        return sums

    @property
    def is_billed(self) -> bool:
        """Whether all of it is."""
        return bool(self.lines) and all(line.is_billed for line in self.lines)

    @property
    def session_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(id_ for line in self.lines for id_ in line.session_ids))

    def marked(self, *, billed: bool) -> Timesheet:
        """The same with all of it billed, or not."""
        return replace(self, lines=tuple(replace(line, is_billed=billed) for line in self.lines))


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """A budget, and how much of it is used."""

    kind: Entity
    id: str
    name: str
    budget: Budget
    used: float
    """Seconds."""
    month: date | None = None
    """Any day of the month that was asked for; None: it is of now."""

    @property
    def left(self) -> float:
        """Seconds; below 0 when it is overdrawn."""
        return float(self.budget.hours) * 3600 - self.used

    @property
    def is_near(self) -> bool:
        """Whether little is left."""
        return self.used >= NEAR * float(self.budget.hours) * 3600

    @property
    def description(self) -> str:
        """«budget of acme: 36.50 of 40 hours used this month, 3.50 left»."""
        of_month = f" in {self.month:%Y-%m}" if self.month else " this month"
        when = of_month if self.budget.monthly else ""
        left = f"{self.left / 3600:.2f} left" if self.left >= 0 else f"over by {-self.left / 3600:.2f}"
        return f"budget of {self.name}: {self.used / 3600:.2f} of {self.budget.hours:f} hours used{when}, {left}"


def terms_of(metadata: Mapping[str, object]) -> Terms:
    """What the metadata of a client or project say; what cannot be read there counts as not agreed."""
    said = metadata.get(METADATA)
    given = said if isinstance(said, Mapping) else {}
    terms = Terms()
    for term in TERMS:
        with contextlib.suppress(InvalidInput, OverflowError):
            terms = replace(terms, **{term.name: term.read_stored(given.get(term.name, ""))})
    return terms


def unread_terms(metadata: Mapping[str, object]) -> dict[str, object]:
    """What the metadata say of terms that only a newer version of this program knows, and what cannot be read."""
    said = metadata.get(METADATA)
    known = {term.name: term.read_stored for term in TERMS}
    unread = dict(said) if isinstance(said, Mapping) else {}
    for name in unread.keys() & known.keys():
        with contextlib.suppress(InvalidInput, OverflowError):
            known[name](unread[name])
            del unread[name]
    return unread


def changed_terms(before: Terms, typed: Mapping[str, str], today: date) -> Terms:
    """The terms with what was typed, by the names of TERMS, in place of what was. Raises InvalidInput."""
    return replace(before, **{term.name: term.read(typed[term.name], today) for term in TERMS if term.name in typed})


def read_rate(text: str, today: date) -> Rate:
    """«120.50 EUR meeting from 2027-01». Raises InvalidInput, for «12,000 JPY» too, which may be 12 or 12000."""
    if found := _THOUSANDS.match(text.strip()):
        plain, decimal = re.sub("[.,]", "", found[0]), found[0].replace(",", ".")
        raise Malformed(f"{quoted(text)} can be read in two ways; write {plain}, or {decimal}0 for decimals")
    return _rate(text, today)


def _rate(text: str, today: date) -> Rate:
    """As `read_rate`, and as the metadata have it."""
    found = _RATE.fullmatch(text.strip())
    category = (found["category"] or "").lower() if found else ""
    if found is None or (category and category not in tuple(SessionCategory)):
        raise Malformed(f"{quoted(text)} is not a rate; write {RATE_FORM}")
    return Rate(
        _decimal(found["amount"]),
        found["currency"].upper(),
        SessionCategory(category) if category else None,
        _since(found["since"], today),
    )


def _rates(text: str, today: date) -> tuple[Rate, ...]:
    """A line each."""
    return tuple(read_rate(line, today) for line in text.splitlines() if line.strip())


def _stored_rates(value: object) -> tuple[Rate, ...]:
    """Those of a list that can be read."""
    rates = []
    for line in value if isinstance(value, Sequence) and not isinstance(value, str) else ():
        with contextlib.suppress(InvalidInput, OverflowError):
            rates.append(_rate(str(line), date.min))
    return tuple(rates)


def read_rounding(text: str) -> Rounding | None:
    """«15 up day»; «none» and "" for none. Raises InvalidInput."""
    given = text.strip().lower()
    if given in ("", "none"):
        return None
    if (found := _ROUNDING.fullmatch(given)) is None:
        raise Malformed(f"{quoted(text)} is not a rounding; write {ROUNDING_FORM}")
    way, per = _WAYS[found["way"] or "up"], RoundingPer(found["per"] or "session")
    return Rounding(int(found["minutes"]), way, per)


def read_budget(text: str, today: date) -> Budget | None:
    """«40 month» or «120 from 2026-10», in hours; "" and «none» for none. Raises InvalidInput."""
    given = text.strip().lower()
    if given in ("", "none"):
        return None
    found = _BUDGET.fullmatch(given)
    if found is None or not (hours := _decimal(found["hours"])):
        raise Malformed(f"{quoted(text)} is not a budget; write {BUDGET_FORM}")
    return Budget(hours, found["month"] is not None, _since(found["since"], today))


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def _since(text: str | None, today: date) -> date | None:
    return None if text is None else parse_days(text, today, week_begins=0).first  # what is agreed begins on a day


def _micros(time: timedelta) -> int:
    return time // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Term:
    """One field of Terms: how a form asks for it, and how it is read."""

    name: str
    """Of the field, of its key in the metadata, and of what is typed."""
    label: str
    form: str
    """How it is typed."""
    read: Callable[[str, date], Any]
    """The value of what is typed, on this day. Raises InvalidInput."""
    lines: int = 0
    """Not 0: it has several, a line each; a form shows so many of them."""
    of_clients: bool = False
    """Whether a client alone agrees to it, for its projects too."""

    def text(self, stored: object) -> str:
        """What the metadata has, as it is typed."""
        return "\n".join(map(str, stored)) if isinstance(stored, list) else str(stored)

    def read_stored(self, stored: object) -> Any:
        """The value of what the metadata has. Raises InvalidInput."""
        return _stored_rates(stored) if self.lines else self.read(str(stored), date.min)


TERMS = (
    Term("rates", "Rates", f"a line each: {RATE_FORM}", _rates, lines=5),
    Term("rounding", "Rounding", ROUNDING_FORM, lambda text, today: read_rounding(text), of_clients=True),
    Term("budget", "Budget", f"hours: {BUDGET_FORM}", read_budget),
)
"""What can be agreed, in the order in which it is asked for; forms, metadata and JSON follow it."""
