"""The terminal of the app in a tab of a browser: what is typed and drawn crosses the pipes of `memoria-tui web`."""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
from codecs import getincrementaldecoder
from functools import partial
from typing import TYPE_CHECKING

from textual.drivers.web_driver import WebDriver

from memoria_tui.terminal.driver import AT_ONCE, KeyParser
from memoria_tui.terminal.textual_internals import ByteStream

if TYPE_CHECKING:
    from textual.app import App


class BrowserDriver(WebDriver):
    """Textual's driver with these differences: pastes arrive as they were, and a tab that goes away ends the app as a
    terminal that goes away does."""

    def __init__(
        self, app: App[object], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._write = partial(_write_if_read, self.fileno)

    def start_application_mode(self) -> None:
        """ctrl+c in the terminal of the server reaches the app too; the server ends it in its own time."""
        super().start_application_mode()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        if packet_type == "quit":
            _hang_up()
        else:
            super().on_meta(packet_type, payload)

    def run_input_thread(self) -> None:
        """Reads until the driver stops, or nobody is there to type any more."""
        packets, parser = ByteStream(), KeyParser()
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                for _ in selector.select(0.1):
                    if not (data := os.read(0, AT_ONCE)):
                        _hang_up()
                        return
                    for kind, content in packets.feed(data):
                        if kind == "D":
                            self._post(parser, decode(content))
                        else:
                            self._on_meta(kind, content)
                for message in parser.tick():
                    self.process_message(message)

    def _post(self, parser: KeyParser, text: str) -> None:
        for message in parser.feed(text):
            self.process_message(message)


def _write_if_read(number: int, data: bytes) -> int:
    """Drops what is drawn once the server is gone."""
    try:
        return os.write(number, data)
    except OSError:
        return 0


def _hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)
