"""What is done to several memories at once, without opening their text: tags, values, the trash."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.confirm import sure_of_many
from memoria_tui.dialogs.edit_tags import TagEdit, TagsDialog
from memoria_tui.dialogs.line_prompt import PromptDialog, share_check
from memoria_tui.modes.memories.state import Targets
from memoria_tui.text.present import glyph
from memoria_tui.user_files.drafts import Draft, DraftKind
from memoria_tui.widgets.name_input import Names
from memoria_tui.write_queue import NOTHING_CHANGED, write
from services.errors import Conflict, NotFound
from services.model import FacetCount, Memory, MemoryType, any_of, counted
from services.model.history import ASKS_ABOVE
from services.storable_text import split_tags

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen
    from services.memories.memory_service import MemoryService


SETTABLE = (
    Choice("i", "importance", Content("importance")),
    Choice("p", "project", Content("project")),
    Choice("t", "type", Content("type")),
    Choice("n", "no project", Content("remove the project")),
    Choice("e", "expiry", Content("days until it expires; none: never")),
    Choice("c", "confidence", Content("confidence")),
    Choice("+", "pin", Content("pin: never stale")),
    Choice("-", "no pin", Content("pin no more")),
)
"""What can be set on memories."""
SETTABLE_NAMES = any_of(one.value for one in SETTABLE)


class BulkActions:
    """Every method is awaited in a worker."""

    def __init__(self, screen: ModeScreen) -> None:
        self._screen = screen
        self._going: set[str] = set()
        """Memories that are being deleted."""
        self._deleted_at = 0.0
        """When the last of them were, in monotonic seconds."""

    @property
    def _memories(self) -> MemoryService:
        return self._screen.services.memories

    async def read(self, targets: Targets) -> tuple[Memory, ...] | None:
        """The memories, from the list where it has them; None after telling why they cannot be read."""

        async def all_of_them() -> tuple[Memory, ...]:
            return tuple([targets.loaded.get(one) or await self._memories.get(one) for one in targets.ids])

        return await self._screen.attempt(all_of_them())

    # tags, importance, project, type

    async def reopen(self, draft: Draft) -> bool:
        """Goes on with what was typed before the program ended; False when a memory cannot be read."""
        ids = tuple(draft.of.split(","))
        if (memories := await self.read(Targets(ids, {}))) is None:
            return False
        asks = {
            DraftKind.TAGS: self.tag,
            DraftKind.PROJECT: self._set_project,
            DraftKind.IMPORTANCE: self._set_importance,
        }
        await asks[draft.kind](Targets(ids, dict(zip(ids, memories, strict=True))), draft)
        return True

    async def holds(self, draft: Draft) -> bool:
        """Whether the store has what was typed. Raises what the services raise."""
        memories = [await self._memories.get(one) for one in draft.of.split(",")]
        value = draft.values.get
        text = value("text", "")
        match draft.kind:
            case DraftKind.PROJECT:
                return all(memory.project == text for memory in memories)
            case DraftKind.IMPORTANCE:
                return all(f"{memory.importance:g}" == text for memory in memories)
        added, removed = {*value("added", "").splitlines(), *split_tags(text)}, {*value("removed", "").splitlines()}
        return all(added <= {*memory.tags} and not removed & {*memory.tags} for memory in memories)

    async def tag(self, targets: Targets, draft: Draft | None = None) -> None:
        """Asks which tags to add and to remove."""
        if (memories := await self.read(targets)) is None:
            return

        async def save(edit: TagEdit) -> str:
            act = self._memories.edit_many(targets.ids, add_tags=edit.added, remove_tags=edit.removed)
            signs = [f"+{tag}" for tag in edit.added] + [f"−{tag}" for tag in edit.removed]
            return await self._set(f"Tags {' '.join(signs)}", targets, act)

        draft, names = draft or _draft(DraftKind.TAGS, targets), names_in_use(self._screen, "tag")
        self._say_written(await self._screen.ask(TagsDialog(targets.subject, memories, names, save, draft)))

    async def _set(self, what: str, targets: Targets, act: Coroutine[object, object, int]) -> str:
        """Writes while a dialog stays open; gives what was done, "" when nothing had to be. Raises the act's errors."""
        told = f"{what} on {targets.describe()}"
        number = await write(self._screen.app, told, act, about=targets.ids, vectors=True)
        return _summary_line(what, targets, number)

    def _say_written(self, told: str | None) -> None:
        """Tells what a dialog wrote; None: it was left."""
        if told:
            self._done(told)
        elif told is not None:
            self._screen.say(NOTHING_CHANGED)

    async def set(self, targets: Targets) -> None:
        """Asks what to set, then its value."""
        match await self._screen.ask(ChoiceDialog(f"Set on {targets.subject}", SETTABLE)):
            case "importance":
                await self._set_importance(targets)
            case "project":
                await self._set_project(targets)
            case "type":
                await self._set_type(targets)
            case "expiry":
                await self._set_expiry(targets)
            case "confidence":
                await self._set_confidence(targets)
            case ("pin" | "no pin") as what:
                pins = what == "pin"
                pin = partial(self._screen.services.trust.pin, targets.ids, pinned=pins)
                told, question = ("Pinned", "Pin {}?") if pins else ("Pinned no more", "Pin {} no more?")
                await self.set_at_once(told, question, targets, pin)
            case "no project":
                act = partial(self._memories.edit_many, targets.ids, project="")
                await self.set_at_once("No project", "Remove the project of {}?", targets, act)

    async def set_at_once(
        self, what: str, question: str, targets: Targets, act: Callable[[], Coroutine[object, object, int]]
    ) -> None:
        """`question` stands above many of them, with their number in it."""
        if not await self._is_sure(question, targets):
            return
        told = f"{what} on {targets.describe()}"
        number = await self._screen.write(told, act(), about=targets.ids, vectors=True)
        self._say_written(None if number is None else _summary_line(what, targets, number))

    async def _set_importance(self, targets: Targets, draft: Draft | None = None) -> None:
        draft, seen = _begun(DraftKind.IMPORTANCE, targets, _importance, draft)

        async def save(text: str) -> str:
            await self._require_seen(seen, _importance, f"{float(text):g}")
            act = self._memories.edit_many(targets.ids, importance=float(text))
            return await self._set(f"Importance {float(text):g}", targets, act)

        value = targets.common(_importance)
        check = share_check("Importance")
        title = f"Importance of {targets.subject}"
        dialog = PromptDialog(title, hint="From 0 to 1", check=check, value=value, save=save, draft=draft)
        self._say_written(await self._screen.ask(dialog))

    async def _set_expiry(self, targets: Targets) -> None:
        async def save(text: str) -> str:
            at = self._screen.clock() + timedelta(int(text)) if text else None
            told = f"Expires in {text} days" if text else "Never expires"
            return await self._set(told, targets, self._screen.services.trust.expire(targets.ids, at))

        title, hint = f"Expiry of {targets.subject}", "In how many days; nothing: never"
        dialog = PromptDialog(title, hint=hint, check=_days_check, save=save)
        self._say_written(await self._screen.ask(dialog))

    async def _set_confidence(self, targets: Targets) -> None:
        async def save(text: str) -> str:
            act = self._screen.services.trust.set_confidence(targets.ids, float(text))
            return await self._set(f"Confidence {float(text):g}", targets, act)

        title, check = f"Confidence of {targets.subject}", share_check("Confidence")
        dialog = PromptDialog(title, hint="From 0 to 1", check=check, save=save)
        self._say_written(await self._screen.ask(dialog))

    async def _require_seen(self, seen: dict[str, str], what: Callable[[Memory], str], wanted: str) -> None:
        """Raises Conflict where the field does not show what others made of it; then it is `seen`."""
        for memory_id, shown in seen.items():
            try:
                now = what(await self._memories.get(memory_id))
            except NotFound:
                continue
            if now not in (shown, wanted):
                seen[memory_id] = now
                there = f'"{now}" stands there now' if now else "nothing stands there now"
                raise Conflict(f"changed by another program: {there}; enter again overwrites it", None)

    async def _set_project(self, targets: Targets, draft: Draft | None = None) -> None:
        draft, seen = _begun(DraftKind.PROJECT, targets, _project, draft)

        async def save(project: str) -> str:
            await self._require_seen(seen, _project, project)
            return await self._set(
                f"Project {project}", targets, self._memories.edit_many(targets.ids, project=project)
            )

        dialog = PromptDialog(
            f"Project of {targets.subject}",
            value=targets.common(_project),
            hint="= n removes the project",
            check=lambda text: None if text else "A project needs a name; esc, then = n removes the project",
            names=names_in_use(self._screen, "project"),
            save=save,
            draft=draft,
        )
        self._say_written(await self._screen.ask(dialog))

    async def _set_type(self, targets: Targets) -> None:
        choices = [
            Choice(
                kind.value[0], kind.value, Content.assemble((glyph(kind), f"$memory-{kind.value}"), f" {kind.value}")
            )
            for kind in (MemoryType.SEMANTIC, MemoryType.EPISODIC, MemoryType.PROCEDURAL)
        ]
        now = targets.common(lambda memory: memory.type.value)
        if kind := await self._screen.ask(ChoiceDialog(f"Type of {targets.subject}", choices, now or None)):
            act = partial(self._memories.edit_many, targets.ids, type=MemoryType(kind))
            await self.set_at_once(f"Type {kind}", f"Make {{}} {kind}?", targets, act)

    async def _is_sure(self, question: str, targets: Targets, yes: str = "yes") -> bool:
        number, named = len(targets.ids), targets.describe().partition(": ")[2]
        told = "\n".join(filter(None, (named, "One u undoes it.")))
        return await sure_of_many(self._screen.app, number, question.format(counted(number)), told, yes)

    def _done(self, what: str) -> None:
        self._screen.say_done(what)
        self._screen.changed()

    # trash

    def may_delete(self) -> bool:
        return self._screen.was_pressed_on(self._deleted_at)

    async def delete(self, targets: Targets) -> frozenset[str]:
        """Puts them into the trash; gives the ids of those that are there then."""
        targets = targets.without(self._going)
        if not await self._is_sure("Delete {}?", targets, "delete"):
            return frozenset()
        ids, told = targets.ids, targets.describe()
        self._going |= set(ids)
        try:
            act = self._memories.delete(ids)
            number = await self._screen.write(f"delete {told}", act, once=ids, vectors=True)
        finally:
            self._going -= set(ids)
        if not number:
            return frozenset()
        self._deleted_at = monotonic()
        self._done(f"Deleted {told}")
        return frozenset(ids)


def _days_check(text: str) -> str | None:
    return (
        None
        if not text or (text.isdecimal() and len(text) < 6)
        else "A number of days, at most 99,999, or nothing for never"
    )


def _summary_line(what: str, targets: Targets, number: int) -> str:
    """What was set on so many of them; the others had it, or are gone. "" for none."""
    some = f"{number:,} of {counted(len(targets.ids))}" if number < len(targets.ids) else targets.describe()
    return f"{what} on {some}" if number else ""


def _draft(kind: DraftKind, targets: Targets) -> Draft:
    return Draft(kind, ",".join(targets.ids), f"{kind.value} of {targets.describe()}")


def _begun(
    kind: DraftKind, targets: Targets, what: Callable[[Memory], str], draft: Draft | None
) -> tuple[Draft, dict[str, str]]:
    """The draft of a field, and by memories what it shows of them, where it shows something that others may change."""
    if draft is None:
        draft = _draft(kind, targets)
        draft = replace(draft, values={"before": targets.common(what)})
    shown = draft.values.get("before", targets.common(what))
    shows = len(targets.ids) <= ASKS_ABOVE and (bool(shown) or len(targets.ids) == 1)
    return draft, dict.fromkeys(targets.ids, shown) if shows else {}


def _importance(memory: Memory) -> str:
    return f"{memory.importance:g}"


def _project(memory: Memory) -> str:
    return memory.project or ""


def names_in_use(screen: ModeScreen, noun: str) -> Names:
    """The tags or projects of the memories, for a field that asks for some."""

    async def load(owner: str) -> Sequence[FacetCount]:
        return await screen.services.search.in_use(noun)

    return Names(noun, load)
