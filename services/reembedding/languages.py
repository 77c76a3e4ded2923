"""Whether a text is in another language than English, told by its letters and its most common words.

No model and no list of a language's vocabulary: a text of a few sentences has some of the words without which none of
these languages says anything. What has hardly any words (code, numbers, names) counts as English.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+")
_FEWEST_LETTERS = 24
"""Letters below which a text tells nothing."""
_ENGLISH = frozenset(
    _WORD.findall("the of and to in is that for it was on are with as be at this by from or have not but which we")
)
_OTHER = frozenset(
    _WORD.findall(
        """
        der das und ist nicht mit dem ein eine für auf von zu sich wird werden auch wir bei nach
        les des et est une dans pour pas que qui sur avec sont nous aux cette
        los las y es una para con por lo como está más
        che è non della sono nel alla dei anche gli più
        em um uma não com são mais ao
        het een dat niet zijn voor aan ook wordt
        och att det som är på för inte till
        nie się że jest jak dla są
        """
    )
)
"""Of German, French, Spanish, Italian, Portuguese, Dutch, Swedish and Polish, without what is an English word, too."""


def is_other_language(text: str) -> bool:
    """True where most letters are not Latin, or where common words of other languages outnumber the English ones."""
    letters = [one for one in text if one.isalpha()]
    if sum(1 for one in letters if ord(one) > 0x24F) * 2 > len(letters) > 7:  # CJK says much with few
        return True
    if len(letters) < _FEWEST_LETTERS:
        return False
    words = _WORD.findall(text.casefold())
    other = sum(word in _OTHER for word in words)
    return other > 1 and other > sum(word in _ENGLISH for word in words)
