"""Time in digits three lines high."""

from __future__ import annotations

LINES = 3

_SHAPES = {
    "0": ("┏━┓", "┃ ┃", "┗━┛"),
    "1": (" ╻ ", " ┃ ", " ╹ "),
    "2": ("╺━┓", "┏━┛", "┗━╸"),
    "3": ("╺━┓", " ━┫", "╺━┛"),
    "4": ("╻ ╻", "┗━┫", "  ╹"),
    "5": ("┏━╸", "┗━┓", "╺━┛"),
    "6": ("┏━╸", "┣━┓", "┗━┛"),
    "7": ("╺━┓", "  ┃", "  ╹"),
    "8": ("┏━┓", "┣━┫", "┗━┛"),
    "9": ("┏━┓", "┗━┫", "╺━┛"),
    ":": (" ", ":", " "),
}


def large(text: str) -> tuple[str, str, str]:
    """The lines of a text of digits and colons."""
    shapes = [_SHAPES[character] for character in text]
    top, middle, bottom = ("".join(shape[line] for shape in shapes) for line in range(LINES))
    return top, middle, bottom
