"""A timesheet as a file for the client, in each of the formats; HTML prints well. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from html import escape

from services.times import duration
from services.work.billing_values import Line, Timesheet
from services.work.report_files import days_line, escaped, formula_safe, table
from services.work.timesheet_formats import TimesheetFormat

_STYLE = """
body { font: 11pt/1.4 system-ui, sans-serif; color: #222; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; }
p { color: #555; margin: .3rem 0 1.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .3rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd; }
th { border-bottom: 2px solid #222; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tfoot td { font-weight: bold; border-bottom: none; border-top: 2px solid #222; }
tfoot tr + tr td { border-top: none; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
@page { margin: 18mm; }
@media print { body { max-width: none; margin: 0; padding: 0; } }
"""


def as_csv(sheet: Timesheet) -> str:
    """One row a line; hours are decimal, seconds exact, and no text can be taken for a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_CSV)
    writer.writerows([cell(line) for cell in _CSV.values()] for line in sheet.lines)
    return file.getvalue()


def as_markdown(sheet: Timesheet) -> str:
    """A heading, the lines as a table, and the totals."""
    rows = [[escaped(cell) for cell in cells] for cells in (*_rows(sheet), *_totals(sheet))]
    rows[len(sheet.lines)][0] = "**Total**"
    head = [f"# {escaped(_title(sheet))}", "", escaped(_about(sheet)), ""]
    columns = _columns(sheet)
    texts = sum(not one.number for one in columns)
    return "\n".join([*head, *table([one.head for one in columns], rows, texts)]) + "\n"


def as_html(sheet: Timesheet) -> str:
    """A page that needs nothing else; tables go on over pages with their head."""
    columns = _columns(sheet)

    def row(cells: Sequence[str], tag: str = "td") -> str:
        classes = (' class="number"' if one.number else "" for one in columns)
        made = (f"<{tag}{class_}>{_shown(cell)}</{tag}>" for cell, class_ in zip(cells, classes, strict=True))
        return f"<tr>{''.join(made)}</tr>"

    body = "\n".join(map(row, _rows(sheet)))
    foot = "\n".join(map(row, _totals(sheet)))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{_shown(_title(sheet))}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{_shown(_title(sheet))}</h1>
<p>{_shown(_about(sheet))}</p>
<table>
<thead>{row([one.head for one in columns], "th")}</thead>
<tbody>
{body}
</tbody>
<tfoot>
{foot}
</tfoot>
</table>
</body>
</html>
"""


WRITERS: Mapping[TimesheetFormat, Callable[[Timesheet], str]] = {
    TimesheetFormat.HTML: as_html,
    TimesheetFormat.MARKDOWN: as_markdown,
    TimesheetFormat.CSV: as_csv,
}


def facts(sheet: Timesheet) -> str:
    """«worked 40:10, to bill 41:00, 3,895.00 EUR · still open: 2»."""
    parts = [f"worked {time(sheet.worked)}", f"to bill {time(sheet.time)}", *_amounts(sheet)]
    said = [", ".join(parts) if sheet.lines else "nothing to bill"]
    billed = sum(line.is_billed for line in sheet.lines)
    if sheet.is_billed:
        said.append("all of it is billed")
    elif billed:
        said.append(", ".join([f"billed: {billed} of {len(sheet.lines)} lines", *_amounts(sheet, billed=True)]))
    said += [sheet.rounding.description] if sheet.rounding else []
    said += [f"{time(sheet.unbillable)} not billable"] if sheet.unbillable else []
    said += [f"still open: {sheet.open_sessions}"] if sheet.open_sessions else []
    without = sum(line.rate is None for line in sheet.lines)
    said += [f"without a rate: {without}"] if without else []
    said += [use.description for use in sheet.budgets]
    return " · ".join(said)


def money(amount: Decimal | None, currency: str) -> str:
    """«1,234.50 EUR»; "" for none."""
    return "" if amount is None else f"{amount:,f} {currency}"


def time(of: timedelta) -> str:
    """«7:30», with seconds where there are some."""
    text = duration(of.total_seconds())
    return text.removesuffix(":00")


def decimal_hours(of: timedelta) -> str:
    return f"{of / timedelta(hours=1):.2f}"


_CSV: Mapping[str, Callable[[Line], object]] = {
    "date": lambda line: line.day.isoformat(),
    "description": lambda line: formula_safe(line.description),
    "project": lambda line: formula_safe(line.project or ""),
    "category": lambda line: line.category.value if line.category else "",
    "hours": lambda line: decimal_hours(line.time),
    "seconds": lambda line: f"{line.time.total_seconds():.6f}".rstrip("0").rstrip("."),
    "worked_seconds": lambda line: f"{line.worked.total_seconds():.6f}".rstrip("0").rstrip("."),
    "rate": lambda line: f"{line.rate.amount:f}" if line.rate else "",
    "amount": lambda line: f"{line.amount:f}" if line.amount is not None else "",
    "currency": lambda line: line.rate.currency if line.rate else "",
    "billed": lambda line: "yes" if line.is_billed else "no",
}


def _title(sheet: Timesheet) -> str:
    return f"{sheet.client}, {sheet.month:%B %Y}"


def _about(sheet: Timesheet) -> str:
    rounded = f" Time is {sheet.rounding.description}." if sheet.rounding else ""
    return f"Timesheet. {days_line(sheet.zone, sheet.day_begins)}{rounded}"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table of Markdown and HTML."""

    head: str
    cell: Callable[[Line], str]
    total: Callable[[Timesheet], str] = lambda sheet: ""
    number: bool = False
    optional: bool = False
    """It is left out where no line says anything there."""


def _price(line: Line) -> str:
    return money(line.rate.amount, line.rate.currency) if line.rate else ""


def _amount(line: Line) -> str:
    return money(line.amount, line.rate.currency) if line.rate else ""


_AMOUNT = _Column("Amount", _amount, lambda sheet: next(iter(_amounts(sheet)), ""), number=True, optional=True)
_COLUMNS = (
    _Column("Date", lambda line: line.day.isoformat(), lambda sheet: "Total"),
    _Column("Description", lambda line: line.description),
    _Column("Project", lambda line: line.project or "", optional=True),
    _Column("Time", lambda line: time(line.time), lambda sheet: time(sheet.time), number=True),
    _Column("Hours", lambda line: decimal_hours(line.time), lambda sheet: decimal_hours(sheet.time), number=True),
    _Column("Rate", _price, number=True, optional=True),
    _AMOUNT,
)
"""Those of text first."""


def _columns(sheet: Timesheet) -> list[_Column]:
    return [one for one in _COLUMNS if not one.optional or any(map(one.cell, sheet.lines))]


def _rows(sheet: Timesheet) -> list[list[str]]:
    columns = _columns(sheet)
    return [[one.cell(line) for one in columns] for line in sheet.lines]


def _amounts(sheet: Timesheet, *, billed: bool = False) -> list[str]:
    return [money(amount, currency) for currency, amount in sheet.amounts(billed=billed).items()]


def _totals(sheet: Timesheet) -> list[list[str]]:
    """The time with the amount, and a row for each further currency."""
    columns = _columns(sheet)
    further = [[amount if one is _AMOUNT else "" for one in columns] for amount in _amounts(sheet)[1:]]
    return [[one.total(sheet) for one in columns], *further]


def _shown(text: str) -> str:
    """Text as HTML that is nothing else, on one line."""
    return escape(" ".join(text.split()))
