"""How often Python looks for objects that nobody needs, which stops the drawing meanwhile."""

import gc

_YOUNG_OBJECTS = 5000
"""How many new ones Python looks through for garbage at once; its own 700 cost long work a tenth of its time."""
_MIDDLE, _OLD = 3, 100
"""Times of that after which it looks once through those that stayed, and times of this after which through all."""


def collect_at_rest() -> None:
    """What is loaded by now stays, and what was made since is looked through when the app finds nobody typing.

    That stops the drawing for up to 80 ms; Python does it by itself at last, for who never rests.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _MIDDLE, _OLD)


def collect_seldom() -> None:
    """Looking through all that is loaded stops the drawing for 50 ms, so it is done a seventh as often."""
    gc.set_threshold(_YOUNG_OBJECTS)
