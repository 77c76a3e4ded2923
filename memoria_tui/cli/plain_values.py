"""Values of options that need no reading: for the others typer imports pydantic, which takes long."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer import BadParameter
from typer.core import TyperArgument, TyperOption

from services.errors import InvalidInput
from services.files import require_path

make_reader = TyperOption.get_runtime_param
"""What typer reads the values of a parameter by; made once, and kept by the parameter."""


@dataclass(frozen=True, slots=True)
class PlainReader:
    """Makes typer's own when there is a value that has to be read."""

    parameter: Any

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value for the command. Raises BadParameter."""
        wanted, several = param.type_descriptor.annotation, param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        if wanted in (Path, list[Path]):
            for name in [value] if isinstance(value, str) else value:
                _require_path(name, param, ctx)
        if wanted == list[str] and not isinstance(value, str) and all(type(one) is str for one in value):
            return list(value)
        if type(value) is wanted and (wanted is str or value == param.default):
            return value
        return make_reader(self.parameter).coerce(value, param=param, ctx=ctx)


def _require_path(name: str, param: Any, ctx: Any) -> None:
    """Raises BadParameter; an empty name would be the folder where the person stands."""
    if not name:
        raise BadParameter("the name of a file or folder is empty", ctx=ctx, param=param)
    try:
        require_path(name)
    except InvalidInput as error:
        raise BadParameter(str(error), ctx=ctx, param=param) from error


def read_plainly() -> None:
    """Has typer make a reader of its own for no parameter that can do without."""
    for kind in (TyperArgument, TyperOption):
        kind.get_runtime_param = lambda parameter: PlainReader(parameter)  # type: ignore[method-assign, return-value, assignment]
