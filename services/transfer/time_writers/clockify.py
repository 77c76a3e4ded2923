"""CSV that Clockify imports."""

from services.transfer.time_writers.time_table import ABOUT, KEPT, LOST, TIMES, table
from services.transfer.time_writers.writer import TimeWriter

_TIMES = {"Duration (h)" if name == "Duration" else name.title(): column for name, column in TIMES.items()}
WRITER = TimeWriter(KEPT, LOST, table({**ABOUT, **_TIMES}))
