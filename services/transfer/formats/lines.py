"""Lines of JSON, one value a line. Only a line feed ends a line: U+2028, U+2029 and U+0085 may stand in strings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from services.transfer.formats.imported_records import BadRecord
from services.transfer.formats.jsontext import DECODER, MOST_BYTES, TOO_DEEP, TOO_LONG, too_deep


def json_lines(stream: BinaryIO) -> Iterator[tuple[str, dict[str, object]] | BadRecord]:
    """The place and the object of each line that is not blank; a line that is no object is reported instead."""
    for number, line in enumerate(_lines(stream), 1):
        where = f"line {number}"
        if line is None:
            yield BadRecord(where, f"it is {TOO_LONG}")
            continue
        text = line.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf")
        if not text:
            continue
        try:
            value = DECODER.decode(text.decode("utf-8"))
        except UnicodeDecodeError as error:
            yield BadRecord(where, f"not UTF-8 at byte {error.start + 1} of the line")
        except json.JSONDecodeError as error:
            if line.endswith(b"\n"):
                yield BadRecord(where, f"no JSON: {error.msg[0].lower()}{error.msg[1:]} at character {error.colno}")
            else:
                yield BadRecord(where, "the file ends in the middle of this line", damaged=True)
        except RecursionError:
            yield BadRecord(where, f"no JSON that can be read: {TOO_DEEP}")
        else:
            if not isinstance(value, dict):
                yield BadRecord(where, "a JSON object is expected on each line")
            elif too_deep(value):
                yield BadRecord(where, TOO_DEEP)
            else:
                yield where, value


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Each line; None for one that is too long, of which only a piece is held at any time."""
    while line := stream.readline(MOST_BYTES + 1):
        if len(line) <= MOST_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MOST_BYTES)
        yield None
