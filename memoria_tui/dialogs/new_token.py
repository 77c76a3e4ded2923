"""The form that makes an access token, and what shows its text, this once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.binding import Binding
from textual.content import Content

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.field_problems import FieldProblem, all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Values
from memoria_tui.terminal.clipboard import copy
from memoria_tui.text.present import line
from services.access_tokens import check_expiry, check_name, check_projects
from services.acting import Scope
from services.errors import Conflict
from services.ports import Clock
from services.times import parse_end, person_zone

if TYPE_CHECKING:
    from services.container import Services
    from services.records.access_tokens import AccessToken

NewToken = tuple["AccessToken", str]
"""A token, and its text, which is kept nowhere."""


def new_token(services: Services, clock: Clock) -> FormDialog[NewToken]:
    """Asks what an access token is called and lets its holder do, and makes it."""

    async def make(values: Values) -> NewToken:
        scope, expires = Scope(values["scope"]), None
        projects = [one.strip() for one in values["projects"].split(",") if one.strip()]
        with all_problems() as fields:
            with fields.noting(), at_field("name"):
                check_name(values["name"])
            with fields.noting(), at_field("projects"):
                check_projects(projects, scope)
            if values["expires"]:
                with fields.noting(), at_field("expires"):
                    expires = parse_end(values["expires"], now := clock(), person_zone(services.settings))
                    check_expiry(expires, now)
        try:
            return await services.tokens.create(values["name"], scope, projects, expires)
        except Conflict as taken:
            raise FieldProblem("name", str(taken)) from taken

    rows = (
        (Field("name", "Name", placeholder="what its acts are called in the history"),),
        (Field("scope", "May", Scope.WRITE.value, choices=[one.value for one in Scope]),),
        (Field("projects", "Projects", placeholder="all memories; or api, web"),),
        (Field("expires", "Expires", placeholder="never; or 90d, 6mo, 2027-01-31"),),
    )
    return FormDialog("New access token", rows, make, verb="make", writes="new access token")


class TokenDialog(Dialog[None]):
    """Shows a new token; it goes to the clipboard only when that is asked for."""

    KEYS = (("y", "copy"), ("esc", "close"))
    BINDINGS = [Binding("y", "copy", "Copy", id="token.copy", tooltip="Copy the token")]

    def __init__(self, made: NewToken) -> None:
        token, self._secret = made
        told = f"It may {token.scope.value}: {line(token.reach)}. This is its only copy: nobody can show it again."
        text = Content("\n\n").join([Content.styled(self._secret, "bold"), Content(told)])
        super().__init__(f"Access token {token.name}", text)

    @work(group="copying")
    async def action_copy(self) -> None:
        self.say(f"The token is {await copy(self.app, self._secret)}")
