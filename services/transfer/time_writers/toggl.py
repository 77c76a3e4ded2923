"""CSV that Toggl Track imports."""

from services.transfer.time_writers.time_table import ABOUT, KEPT, LOST, TIMES, table
from services.transfer.time_writers.writer import TimeWriter

WRITER = TimeWriter(KEPT, LOST, table({**ABOUT, **TIMES}))
