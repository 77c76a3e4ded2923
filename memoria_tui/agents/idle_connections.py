"""Connections over which no request comes: how long they are kept, and which one goes when there are too many."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

_HEAD = 30.0
"""Seconds in which the head of a request has to be there, counted from its first byte or that of the connection."""


class BoundedProtocol(H11Protocol):
    """One connection.

    Nobody needs a token to open one, so those that only wait must not keep others out: each has so many seconds for
    the head of its request, and when there are as many as may be, the one that has waited longest makes room.
    """

    head = _HEAD
    _deadline: asyncio.TimerHandle | None = None
    _since = 0.0
    """The loop's time at which it began to wait for a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        self._expect_head()
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        if self._waits and self._deadline is None:
            self._expect_head()
        super().data_received(data)
        if not self._waits:
            self._expect_none()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_none()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Also ends a connection whose client has not taken the last answer."""
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    @property
    def _waits(self) -> bool:
        """Whether no request of it is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(self.head, self.transport.abort)

    def _expect_none(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _make_room(self) -> None:
        """For one that has just come."""
        waiting = [one for one in self.connections if isinstance(one, BoundedProtocol) and one._waits]
        oldest = min(waiting, key=lambda one: one._since)
        if oldest is not self:
            oldest.transport.abort()
            self.connections.discard(oldest)
