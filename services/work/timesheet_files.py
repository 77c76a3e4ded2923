"""A timesheet as a file for the client: Markdown, CSV, or HTML that prints well. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from html import escape

from services.work.billing_values import Line, Timesheet
from services.work.report_files import clock, days_line, escaped, formula_safe, table

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
    return "\n".join([*head, *table(_head(sheet), rows, texts=_texts(sheet))]) + "\n"


def as_html(sheet: Timesheet) -> str:
    """A page that needs nothing else; tables go on over pages with their head."""
    texts = _texts(sheet)

    def row(cells: Sequence[str], tag: str = "td") -> str:
        numbers = ("" if place < texts else ' class="number"' for place in range(len(cells)))
        made = (f"<{tag}{number}>{_shown(cell)}</{tag}>" for cell, number in zip(cells, numbers, strict=True))
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
<thead>{row(_head(sheet), "th")}</thead>
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


FORMATS: Mapping[str, Callable[[Timesheet], str]] = {"markdown": as_markdown, "csv": as_csv, "html": as_html}
SUFFIXES = {".md": "markdown", ".csv": "csv", ".html": "html"}


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
    text = clock(of.total_seconds())
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


def _has_projects(sheet: Timesheet) -> bool:
    return any(line.project for line in sheet.lines)


def _has_rates(sheet: Timesheet) -> bool:
    return any(line.rate for line in sheet.lines)


def _texts(sheet: Timesheet) -> int:
    """How many of the columns, from the left, are no numbers."""
    return 3 if _has_projects(sheet) else 2


def _head(sheet: Timesheet) -> list[str]:
    prices = ["Rate", "Amount"] if _has_rates(sheet) else []
    return ["Date", "Description", *(["Project"] if _has_projects(sheet) else []), "Time", "Hours", *prices]


def _rows(sheet: Timesheet) -> list[list[str]]:
    rows = []
    for line in sheet.lines:
        project = [line.project or ""] if _has_projects(sheet) else []
        rate = line.rate
        price = [money(rate.amount, rate.currency), money(line.amount, rate.currency)] if rate else ["", ""]
        prices = price if _has_rates(sheet) else []
        about = [line.day.isoformat(), line.description, *project]
        rows.append([*about, time(line.time), decimal_hours(line.time), *prices])
    return rows


def _amounts(sheet: Timesheet, *, billed: bool = False) -> list[str]:
    return [money(amount, currency) for currency, amount in sheet.amounts(billed=billed).items()]


def _totals(sheet: Timesheet) -> list[list[str]]:
    """The time with the amount, and a row for each further currency."""
    blanks = [""] * (_texts(sheet) - 1)
    amounts = _amounts(sheet)
    first = [*blanks, time(sheet.time), decimal_hours(sheet.time), *(["", amounts[0]] if amounts else [])]
    more = [["", *blanks, "", "", "", amount] for amount in amounts[1:]]
    return [["Total", *first], *more]


def _shown(text: str) -> str:
    """Text as HTML that is nothing else, on one line."""
    return escape(" ".join(text.split()))
