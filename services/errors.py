"""Everything a service can raise, as one tree.

MemoriaError                      every message is one line: what is wrong, where, what to do
├── InvalidInput                  the caller's text, file or option is wrong
│   ├── Malformed                 a text that is not what it must be, or contradicts another: a day, rate, name
│   │   └── QuerySyntaxError      a search operator; carries the place in the text
│   └── UnreadableFile            a file that is corrupt, truncated or of an unknown kind
├── NotFound                      no memory, relation, session, client or project of that id or name
│   └── Ambiguous                 an id prefix or name that fits several
├── Conflict                      the thing changed outside meanwhile; carries what stands there now
│   └── Billed                    a session that was billed is changed only by who says so
├── Forbidden                     who acts may not do that: see `services.acting`
├── NothingToUndo
├── StoreUnavailable              a store cannot be reached or used at the moment
│   ├── StoreInUse                another process holds the embedded store
│   ├── AuthenticationFailed
│   ├── StorageFull               the disk is full or may not be written
│   ├── StoreTimeout
│   └── StoreBusy                 it broke a transaction off for another program's; trying again at once helps
├── StoreMismatch                 the store is there but is not ours to use as it is
│   ├── StoreRefused              the server answered a request with an error; carries its status
│   ├── SchemaMissing             the database lacks our additions: reading works, `db upgrade` adds them
│   ├── StoreReadOnly             it may be read, but not written with this role or key
│   ├── StoreTooNew               written by a newer version
│   └── ModelMismatch             the vectors were made by another model or have another size
└── EmbeddingFailed               the embedder answered with an error; keyword search goes on
"""

from __future__ import annotations


class MemoriaError(Exception):
    """Base of all; `str(error)` is one line for a person, without a traceback's detail."""


class InvalidInput(MemoriaError):
    """What was given cannot be used; the message names the value and what would be right."""


class Malformed(InvalidInput):
    """What was typed is wrong in itself, whatever is stored; of a command the exit status is that of wrong usage."""


class QuerySyntaxError(Malformed):
    """A search text with an operator that cannot be understood."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        """First character of the wrong part, counted from 0 in the text as typed."""
        self.end = end
        """One past its last character."""


class UnreadableFile(InvalidInput):
    """A file is corrupt, truncated or of no known kind; the message gives the path and the place."""


class NotFound(MemoriaError):
    """Nothing has that id or name."""


class Forbidden(MemoriaError):
    """Who acts may not do that; the message says what they may."""


class Ambiguous(NotFound):
    """An id prefix or name fits more than one thing."""


class Conflict(MemoriaError):
    """The thing changed outside since it was read; nothing was written."""

    def __init__(self, message: str, current: object) -> None:
        super().__init__(message)
        self.current = current
        """The value that stands in the store now (for a memory: a `Memory`, or None when it was deleted)."""


class Billed(Conflict):
    """A session that was billed would be changed; nothing was written."""


class NothingToUndo(MemoriaError):
    """No change of this person is left to undo."""


class StoreUnavailable(MemoriaError):
    """A store cannot be reached or used at the moment; trying again later may help."""


class StoreInUse(StoreUnavailable):
    """Another process holds the embedded store; the message names it."""


class AuthenticationFailed(StoreUnavailable):
    """The store refused the password or key."""


class StorageFull(StoreUnavailable):
    """The disk is full, read-only, or the folder may not be written."""


MAKE_ROOM = "free some space or make the folder writable"
"""What to do about that."""


class StoreTimeout(StoreUnavailable):
    """The store did not answer in time."""


class StoreBusy(StoreUnavailable):
    """The store broke a transaction off because it and another one waited for each other; nothing was written."""


class StoreMismatch(MemoriaError):
    """The store is reachable but cannot be used as it is."""


class StoreRefused(StoreMismatch):
    """The server is there and answered a request with an error; what it said is in the message."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        """The answer's HTTP status."""


class SchemaMissing(StoreMismatch):
    """The database lacks what this program adds; reading works, `memoria-tui db upgrade` adds it."""


class StoreReadOnly(StoreMismatch):
    """The store can be read, but takes no writes from this role or key; nothing was written."""


class StoreTooNew(StoreMismatch):
    """A newer version of the program wrote this store."""


class ModelMismatch(StoreMismatch):
    """The store's vectors come from another model or have another number of dimensions."""


class EmbeddingFailed(MemoriaError):
    """The embedder could not make vectors; the text is safe and will be embedded later."""
