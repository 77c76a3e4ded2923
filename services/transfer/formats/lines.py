"""Lines of JSON, one value a line. Only a line feed ends a line: U+2028, U+2029 and U+0085 may stand in strings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from services.transfer.formats.records import BadRecord


def json_lines(stream: BinaryIO) -> Iterator[tuple[str, dict[str, object]] | BadRecord]:
    """The place and the object of each line that is not blank; a line that is no object is reported instead."""
    for number, line in enumerate(stream, 1):
        where = f"line {number}"
        text = line.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf")
        if not text:
            continue
        try:
            value = json.loads(text.decode("utf-8"))
        except UnicodeDecodeError as error:
            yield BadRecord(where, f"not UTF-8 at byte {error.start + 1} of the line")
        except json.JSONDecodeError as error:
            if line.endswith(b"\n"):
                yield BadRecord(where, f"no JSON: {error.msg[0].lower()}{error.msg[1:]} at character {error.colno}")
            else:
                yield BadRecord(where, "the file ends in the middle of this line", damaged=True)
        except RecursionError:
            yield BadRecord(where, "no JSON that can be read: nested too deeply")
        else:
            if isinstance(value, dict):
                yield where, value
            else:
                yield BadRecord(where, "a JSON object is expected on each line")
