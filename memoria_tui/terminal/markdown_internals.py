"""What is used of the Markdown of Textual 8.2 without being public, as `textual_internals` has the rest."""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it.token import Token
from textual.widgets._markdown import MarkdownTable as MarkdownTable  # to align its columns
from textual.widgets._markdown import MarkdownTableCellContents as MarkdownTableCellContents
from textual.widgets.markdown import MarkdownBlock


def blocks_of(block: MarkdownBlock) -> Iterator[MarkdownBlock]:
    """All that a block was made of, however deep; public is only what is drawn of it."""
    for one in block._blocks:
        yield one
        yield from blocks_of(one)


def token_of(block: MarkdownBlock) -> Token:
    """What the parser says of it, such as the side that a column is aligned to."""
    return block._token
