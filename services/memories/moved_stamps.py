"""Zone-less stamps that were written in another zone, as the store here writes them: their instants stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.errors import InvalidInput
from services.times import WriterZone, read_iso, to_stamp, zone_name, zone_of

_DATES = ("created_at", "updated_at", "accessed_at", "last_executed")
"""Keys of payloads that MCP Memoria writes by the clock of its machine."""
_DAY = len("2026-11-20")


@dataclass(frozen=True, slots=True)
class MovedStamps:
    """From the zone of the store that they come from to that of the one here."""

    made_in: WriterZone
    here: WriterZone

    @classmethod
    def of(cls, made_in: object, here: WriterZone) -> MovedStamps | None:
        """None where the zone that a file names is none, or that of here: then all stays as it is."""
        try:
            zone = zone_of(made_in) if isinstance(made_in, str) else None
        except InvalidInput:
            return None
        return None if zone is None or zone_name(zone) == zone_name(here) else cls(WriterZone(zone), here)

    def payload(self, payload: Mapping[str, object]) -> dict[str, object]:
        """The payload of a point or of a memory."""
        return {key: self._stamp(value) if key in _DATES else value for key, value in payload.items()}

    def row(self, row: Mapping[str, object]) -> dict[str, object]:
        """A row of the history, or of sessions."""
        moved = {key: self.state(row[key]) for key in ("before", "after") if key in row}
        return {**row, **moved, **({"pauses": self.pauses(row["pauses"])} if "pauses" in row else {})}

    def pauses(self, pauses: object) -> object:
        """The pauses of a session, of which those beside which their instants stand stay."""
        if not isinstance(pauses, list):
            return pauses
        return [self._pause(one) if isinstance(one, Mapping) else one for one in pauses]

    def state(self, state: object) -> object:
        """A state of the history, of whatever."""
        if not isinstance(state, Mapping):
            return state
        payload = state.get("payload")
        moved = {**state, "payload": self.payload(payload)} if isinstance(payload, Mapping) else dict(state)
        return {**moved, "pauses": self.pauses(moved["pauses"])} if "pauses" in moved else moved

    def _pause(self, pause: Mapping[str, object]) -> dict[str, object]:
        moved = dict(pause)
        for key in ("start", "end"):
            at, read = read_iso(pause.get(f"{key}_at")), read_iso(pause.get(key))
            if at is None or at.replace(tzinfo=None) != read:
                moved[key] = self._stamp(pause.get(key))
        return {key: value for key, value in moved.items() if key in pause}

    def _stamp(self, value: object) -> object:
        read = read_iso(value)
        if read is None or read.tzinfo is not None or len(str(value)) <= _DAY:
            return value
        return to_stamp(read.replace(tzinfo=self.made_in), self.here)
