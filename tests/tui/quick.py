"""Apps that tests run hundreds of times: style sheets are parsed, and what they say of a place in the tree is found,
once a process; no style is set that is there already, what nobody looks at is not drawn, and nothing moves or goes by
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from inspect import CO_VARARGS, CO_VARKEYWORDS
from pathlib import PurePath
from types import FunctionType, MethodType
from typing import Any, ClassVar, TypeVar, cast
from weakref import WeakKeyDictionary

from rich.console import RenderableType
from textual import _callback
from textual._compositor import Compositor
from textual.app import App
from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation
from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import ModalScreen, Screen
from textual.theme import Theme
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Markdown, TextArea

A = TypeVar("A", bound=App[Any])

_WAITING_FOR_A_PERSON, _WAITING_FOR_A_PAUSE, _WAITING_FOR_OTHERS = "dialog", "asking", "live"
"""Worker groups that may go on while everything is settled: the second while somebody could type."""
_FOREVER = 3600.0
"""Seconds for which toasts stay: on a busy machine a test may take longer than a person reads."""
_SHORT = 0.25
"""Seconds of the longest timer whose end belongs to what a key does."""
_LOOKS_AT_KEYS = "glance"
"""The timer that runs while keys are under way, of which the app tells."""


class Rules(dict[str, object]):
    """What rules say of one place in a tree, and what a node without styles has after they are set."""

    ready: dict[str, object] | None = None


class Few:
    """The rules that may concern a node, and what they say: the same in all sheets that have them."""

    def __init__(self, rules: list[RuleSet]) -> None:
        self.rules = rules
        self.styles: dict[int, Rules] = {}
        """Of each place in a tree."""
        self.parts: dict[tuple[int, str], Rules] = {}
        """Of the parts of this name that the node at a place has."""
        self._asked: tuple[bool, bool, bool, bool] | None = None
        """What these rules ask of a node that can change without its class."""

    def note(self, node: DOMNode) -> None:
        self._asked = node._has_hover_style, node._has_focus_within, node._has_order_style, node._has_odd_or_even

    def tell(self, node: DOMNode) -> None:
        assert self._asked is not None
        node._has_hover_style, node._has_focus_within, node._has_order_style, node._has_odd_or_even = self._asked


class Known:
    """What one list of rules says."""

    _few: ClassVar[dict[tuple[int, ...], Few]] = {}
    """By the rules, which all live as long as the process."""
    _part_names: ClassVar[dict[str, set[str]]] = {}

    def __init__(self, rules: list[RuleSet], rules_map: dict[str, list[RuleSet]]) -> None:
        self.all = rules
        self.by_name = rules_map
        self._by_names: dict[frozenset[str], Few] = {}
        self._parts: dict[type[DOMNode], tuple[Few, ...]] = {}

    def few(self, names: set[str]) -> Few:
        """The rules that any of these names of a node occurs in."""
        known = frozenset(self.by_name.keys() & names)
        if (few := self._by_names.get(known)) is None:
            of_these = {rule for name in known for rule in self.by_name[name]}
            rules = [rule for rule in self.all if rule in of_these]
            few = self._by_names[known] = self._few.setdefault(tuple(map(id, rules)), Few(rules))
        return few

    def of_part(self, name: str) -> Few:
        """The rules for a part of a node."""
        if name not in self._part_names:
            self._part_names[name] = DOMNode(classes=name)._selector_names
        return self.few(self._part_names[name])

    def of_parts(self, kind: type[DOMNode]) -> tuple[Few, ...]:
        """The rules for all parts of a node."""
        if kind not in self._parts:
            self._parts[kind] = tuple(map(self.of_part, sorted(kind._get_component_classes())))
        return self._parts[kind]


class Place:
    """A node as the store of styles that Textual asks, which then serves all nodes that rules cannot tell apart."""

    def __init__(self, few: Few, number: int) -> None:
        self._few = few
        self._number = number
        self.told = False
        """Whether it was asked: not where rules look at a node's place among others."""

    def get(self, _: object) -> Rules | None:
        self.told = True
        return self._few.styles.get(self._number)

    def __setitem__(self, _: object, styles: RulesMap) -> None:
        self._few.styles[self._number] = Rules(cast("Any", styles))


def _looks(node: DOMNode) -> object:
    """All that a rule can ask of a node, beside its place among others, for which Textual looks each time."""
    own: tuple[object, ...] = ()
    if isinstance(node, Widget):
        has = vars(node).get  # a reactive looks four times whether it is there
        own = has("_reactive_mouse_hover"), has("_reactive_has_focus"), has("_reactive_disabled"), node.allow_focus()
    elif isinstance(node, App):
        own = node.app_focus, node.current_theme.dark, node.is_inline, node.native_ansi_color, node.no_color
    return type(node), node.id, node.classes, own


class RememberedStyles(Stylesheet):
    """Parses what no app of this process has parsed with the same variables, matches what none has matched, and sets
    no style that is there already.
    """

    _parsed: ClassVar[dict[object, list[RuleSet]]] = {}
    _sheets: ClassVar[dict[int, Known]] = {}
    _sources: ClassVar[dict[tuple[int, object], int]] = {}
    """Numbers of sources: by that of those before, and the last one."""
    _places: ClassVar[dict[tuple[int, object], int]] = {}
    """Numbers of places: by that of the place above, and how the node looks."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        self._read = 0
        """The number of the sources that were read so far, in this order and with these variables."""
        super().__init__(variables=variables)
        self._reads(frozenset(self._variables.items()))
        self._known = Known([], {})
        self._few: list[RuleSet] | None = None
        self._set: WeakKeyDictionary[DOMNode, tuple[Few, tuple[Few, ...], int]] = WeakKeyDictionary()
        """By what each node has its styles."""
        self._number = 0
        """The place of the node that is looked at."""

    def set_variables(self, variables: dict[str, str]) -> None:
        super().set_variables(variables)
        self._reads(frozenset(variables.items()))

    def read(self, filename: str | PurePath) -> None:
        super().read(filename)
        self._reads((filename, self.source[str(filename), ""]))

    def add_source(
        self,
        css: str,
        read_from: CSSLocation | None = None,
        is_default_css: bool = False,
        tie_breaker: int = 0,
        scope: str = "",
    ) -> None:
        where = read_from or ("", str(hash(css)))
        before = self.source.get(where)
        super().add_source(css, read_from, is_default_css, tie_breaker, scope)
        if self.source[where] is not before:
            self._reads((where, self.source[where]))

    def _reads(self, what: object) -> None:
        self._read = self._sources.setdefault((self._read, what), len(self._sources) + 1)

    @property
    def rules(self) -> list[RuleSet]:
        few, self._few = self._few, None
        return super().rules if few is None else few

    def _place_of(self, node: DOMNode, seen: dict[object, int]) -> int:
        if (number := seen.get(node)) is None:
            above = self._place_of(node._parent, seen) if isinstance(node._parent, DOMNode) else 0
            number = self._places.setdefault((above, _looks(node)), len(self._places) + 1)
            seen[node] = number
        return number

    def apply(self, node: DOMNode, *, animate: bool = False, cache: dict[Any, Any] | None = None) -> None:
        """`cache` lives as long as one pass over many nodes, in which none of them changes its looks."""
        self.rules_map  # noqa: B018  # reads what was added
        known, number = self._known, self._place_of(node, {} if cache is None else cache)
        few = known.few(node._selector_names)
        by = few, known.of_parts(type(node)), number
        if self._set.get(node) == by:
            node.notify_style_update()
            return
        self._number = number
        if (styles := few.styles.get(number)) is not None:
            few.tell(node)
            self._set[node] = by
            self.replace_rules(node, cast("Any", styles), animate)
            self._process_component_classes(node)
            return
        self._few, place = few.rules, Place(few, number)
        super().apply(node, animate=animate, cache=cast("Any", place))
        few.note(node)
        if place.told:
            self._set[node] = by

    @classmethod
    def replace_rules(cls, node: DOMNode, rules: RulesMap, animate: bool = False) -> None:
        base = node.styles.base
        before = vars(node).get("_rules_set")
        if before is not None and before[1] == base._updates and before[0] == rules:
            node.notify_style_update()
            return
        if not isinstance(rules, Rules) or node._is_mounted or base._rules:
            super().replace_rules(node, rules, animate)
        elif rules.ready is None:
            super().replace_rules(node, cast("Any", rules), animate)
            rules.ready = dict(cast("Any", base._rules))
        else:
            base._rules.update(cast("Any", rules.ready))
            base._updates += 1
            node._nodes.updated()
            if isinstance(node, Widget):
                node._refresh_scrollbars()
            node.notify_style_update()
        vars(node)["_rules_set"] = rules, base._updates

    def _process_component_classes(self, node: DOMNode) -> None:
        if not (components := node._get_component_classes()):
            return
        known, number = self._known, self._number
        before, node._component_styles = node._component_styles, {}
        for component in sorted(components):
            part = DOMNode(classes=component)
            part._attach(node)
            ready = known.of_part(component).parts
            if (rules := ready.get((number, component))) is None:
                self.apply(part)
                if part in self._set:
                    rules = ready[number, component] = Rules()
                    rules.ready = dict(cast("Any", part.styles.base._rules))
            else:
                part.styles.base._rules.update(cast("Any", rules.ready))
                part.styles.base._updates += 1
            node._component_styles[component] = part.styles
        if any(before.get(one) != styles for one, styles in node._component_styles.items()):
            node.refresh()

    def _parse_rules(
        self, css: str, read_from: CSSLocation, is_default_rules: bool = False, tie_breaker: int = 0, scope: str = ""
    ) -> list[RuleSet]:
        key = (frozenset(self._variables.items()), css, read_from, is_default_rules, tie_breaker, scope)
        if key not in self._parsed:
            self._parsed[key] = super()._parse_rules(css, read_from, is_default_rules, tie_breaker, scope)
        return self._parsed[key]

    def parse(self) -> None:
        if self._read not in self._sheets:
            super().parse()
            self._sheets[self._read] = Known(self._rules, self.rules_map)
        self._known = self._sheets[self._read]
        self._rules, self._rules_map, self._require_parse = self._known.all, self._known.by_name, False

    def reparse(self) -> None:
        self.parse()


class Unseen(Compositor):
    """Draws only the whole screen, for a picture of it."""

    def render_update(
        self, full: bool = False, screen_stack: list[Screen[Any]] | None = None, simplify: bool = False
    ) -> RenderableType | None:
        if full:
            return super().render_update(full, screen_stack, simplify)
        self._dirty_regions.clear()
        return None


_variables: dict[tuple[type[App[Any]], int], tuple[Theme, dict[str, str]]] = {}
"""Of a theme in an app: asked for three times by each app, and 3 ms each."""
_variables_of = App[Any].get_css_variables


def remembered_variables(app: App[Any]) -> dict[str, str]:
    """As `App.get_css_variables`."""
    theme = app.current_theme
    if (key := (type(app), id(theme))) not in _variables:
        _variables[key] = theme, _variables_of(app)
    app.theme_variables = _variables[key][1]
    return app.theme_variables


_handlers: dict[tuple[type, str, type], list[tuple[type, FunctionType]] | None] = {}
"""Of a message in a class of nodes; None where decorators say more."""
_handlers_of = MessagePump._get_dispatch_methods


def _named_handlers(node: type, name: str, message: type) -> list[tuple[type, FunctionType]] | None:
    found = []
    for base in node.__mro__:
        own = vars(base)
        if any(one in own.get("_decorated_handlers", ()) for one in message.__mro__):
            return None
        handler = own.get(f"_{name}") or own.get(name)
        if handler is not None and not getattr(handler, "_textual_on", None):
            found.append((base, handler))
    return found


def remembered_handlers(node: MessagePump, name: str, message: Message) -> Iterable[tuple[type, Any]]:
    """As `MessagePump._get_dispatch_methods`, which looks through all classes of a node each time."""
    key = type(node), name, type(message)
    if key not in _handlers:
        _handlers[key] = _named_handlers(*key)
    found = _handlers[key]
    return _handlers_of(node, name, message) if found is None else _bound(found, node, message)


def _bound(found: list[tuple[type, FunctionType]], node: MessagePump, message: Message) -> Iterator[tuple[type, Any]]:
    for base, handler in found:
        if message._no_default_action:
            return
        yield base, handler.__get__(node, base)


_number_of_parameters = _callback._count_parameters


def quick_number_of_parameters(function: Callable[..., object]) -> int:
    """As that of Textual, which asks for the whole signature of each new function."""
    if type(function) is MethodType:
        return quick_number_of_parameters(function.__func__) - 1
    if type(called := vars(type(function)).get("__call__")) is FunctionType:
        return quick_number_of_parameters(called) - 1
    if type(function) is not FunctionType or vars(function):
        return _number_of_parameters(function)
    code = function.__code__
    others = bool(code.co_flags & CO_VARARGS) + bool(code.co_flags & CO_VARKEYWORDS)
    return code.co_argcount + code.co_kwonlyargcount + others


def quick(app: A) -> A:
    """The app, which has not run yet, made quick."""
    app.stylesheet = RememberedStyles(variables=app.get_css_variables())
    app.animation_level = "none"
    app.NOTIFICATION_TIMEOUT = _FOREVER  # type: ignore[misc]  # for this app alone
    return app


def is_moving(app: App[Any]) -> bool:
    """Whether anything is under way whose effect is not on the screen yet."""
    return getattr(app, "keys_under_way", False) or has_to_draw(app) or _goes_on(app)


def has_only_to_draw(app: App[Any]) -> bool:
    """Whether nothing is under way before the next frame, for which keys may wait too."""
    return has_to_draw(app) and not _goes_on(app)


def _goes_on(app: App[Any]) -> bool:
    return _works(app) or _is_busy(app) or any(_is_busy(node) for node in _nodes(app))


def _nodes(app: App[Any]) -> Iterator[DOMNode]:
    """Those of the screens that are open; Textual's own walk takes ten times as long."""
    left: list[DOMNode] = [*app.screen_stack]
    while left:
        yield (node := left.pop())
        left += node._nodes._nodes


def _works(app: App[Any]) -> bool:
    """Whether a worker runs that waits for nobody: of those that opened dialogs, one a dialog waits for a person."""
    dialogs = sum(isinstance(screen, ModalScreen) for screen in app.screen_stack)
    types = dialogs > 0 or isinstance(app.focused, Input | TextArea)
    goes_on = {_WAITING_FOR_OTHERS, _WAITING_FOR_A_PAUSE} if types else {_WAITING_FOR_OTHERS}
    groups = [one.group for one in app.workers if not one.is_finished and one.group not in goes_on]
    waiting = groups.count(_WAITING_FOR_A_PERSON)
    return waiting > dialogs or len(groups) > waiting


def has_to_draw(app: App[Any]) -> bool:
    """Whether the next frame would change the screen, or something waits for it."""
    screen = app.screen
    wanted = screen._layout_required or screen._scroll_required or screen._repaint_required
    return bool(wanted or screen._recompose_required or screen._dirty_widgets or screen._callbacks)


def _is_busy(node: MessagePump) -> bool:
    if not _waits(node) or node._next_callbacks or not node._mounted_event.is_set() or getattr(node, "_pruning", False):
        return True
    if node._timers and any(_is_short(timer) for timer in node._timers):
        return True
    return isinstance(node, Markdown) and node.lock.is_locked  # a text is parsed in a thread


def _waits(node: MessagePump) -> bool:
    """Whether it waits for its next message; its queue is empty, too, while the last message is still acted on."""
    ready: Any = node._message_queue.ready_event
    return not ready.is_set() and bool(ready._waiters)


def _is_short(timer: Timer) -> bool:
    running = timer._task is not None and not timer._task.done() and timer._active.is_set()
    return running and timer._repeat == 0 and timer._interval <= _SHORT and timer.name != _LOOKS_AT_KEYS
