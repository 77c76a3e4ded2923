"""What is wrong with the fields of a form: all of it is found before any is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from services.errors import InvalidInput

Read = TypeVar("Read")


class FieldProblems(Exception):
    """Each is said at its field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems
        """What is wrong, by field."""


class FieldProblem(FieldProblems):
    """What is wrong with one field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__({field: message})


@contextmanager
def at_field(field: str) -> Iterator[None]:
    """Says at a field what the services find invalid."""
    try:
        yield
    except InvalidInput as error:
        raise FieldProblem(field, str(error)) from error


class Findings:
    """What was found wrong so far; of a field what was found first."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Goes on behind what is wrong inside."""
        try:
            yield
        except FieldProblems as wrong:
            self.found = {**wrong.problems, **self.found}

    def read(self, read: Callable[[], Read], instead: Read) -> Read:
        """What `read` gives; `instead` where that finds something wrong, which is raised in the end."""
        with self.noting():
            return read()
        return instead


@contextmanager
def all_problems() -> Iterator[Findings]:
    """Raises FieldProblems in the end where something was found."""
    findings = Findings()
    yield findings
    if findings.found:
        raise FieldProblems(findings.found)
