"""What differs between two versions, in words."""

from __future__ import annotations

from memoria_tui.dialogs.difference_view import changed_values, difference
from memoria_tui.text.text_difference import compare


def marked(before: str, after: str) -> list[str]:
    """The words that are set off."""
    drawn = difference(compare(before, after))
    return [drawn.plain[span.start : span.end] for span in drawn.spans if "reverse" in str(span.style)]


def test_in_a_line_that_took_the_place_of_another_the_words_that_differ_are_set_off() -> None:
    assert marked("a\nthe token lives 10 s here\nb", "a\nthe token lives 900 s here\nb") == ["10", "900"]
    assert marked("one thing", "wholly different words stand there") == []
    assert marked("six words of one kind here", "half a dozen from another set") == []
    assert marked("WE DEPLOY ON FRIDAY", "we deploy on friday now") == [" now"]
    assert marked("a\x1b[2J same words", "a\x1b[3J same words") == ["2J", "3J"]


def test_a_list_shows_what_went_and_what_came() -> None:
    before, after = ({"payload": {"tags": tags, "importance": 0.5}} for tags in (["auth", "old"], ["auth", "new"]))
    assert [one.plain for one in changed_values(before, after)] == ["tags  − old  + new"]
