"""Options of ``start`` → the command line of ``standin serve``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class InlineDocuments:
    """Documents, some of which have no file yet, in their order."""

    def __init__(self, documents: list[Any]) -> None:
        self._documents = documents

    def __bool__(self) -> bool:
        return any(isinstance(document, Mapping) for document in self._documents)

    def written(self, folder: str) -> list[str]:
        """Write those without a file, and return the arguments of all."""
        files = [self._file(folder, index, document) for index, document in enumerate(self._documents)]
        return ["--", *files]

    @staticmethod
    def _file(folder: str, index: int, document: Any) -> str:
        if not isinstance(document, Mapping):
            return text("documents", document)
        file = os.path.join(folder, f"document-{index + 1}.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(document, out)
        return file


def command_line(
    documents: Any,
    plain: Mapping[str, Any],
    lists: Mapping[str, Any],
    report: Mapping[str, Any],
    args: Sequence[str],
) -> tuple[list[str], InlineDocuments]:
    """Return the arguments of ``standin serve``, and the documents if some have no file yet.

    :raises TypeError: if an option has a wrong type
    """
    # The environment may turn off what this library needs.
    arguments = ["serve", "--control", "on", "--watch", "off"]
    for name, value in plain.items():
        if value is not None:
            arguments.append(f"--{name}={text(name, value)}")
    for name, values in lists.items():
        arguments += [f"--{name}={text(name, value)}" for value in _listed(values)]
    for form, file in report.items():
        arguments += ["--report", form, text("report", file)]
    arguments += [text("args", value) for value in _listed(args)]
    listed = _listed(documents)
    if "-" in listed:
        raise TypeError("`documents` has '-', but the server has no standard input; name a file, or give a dictionary")
    inline = InlineDocuments(listed)
    # What follows `--` is never read as an option, whatever its name is.
    if listed and not inline:
        arguments += ["--", *(text("documents", document) for document in listed)]
    return arguments, inline


def _listed(values: Any) -> list[Any]:
    if values is None:
        return []
    if isinstance(values, (str, Mapping, os.PathLike)) or not isinstance(values, Iterable):
        return [values]
    return list(values)


def text(name: str, value: Any) -> str:
    """Return the value of an option as text.

    :raises TypeError: if it is none
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str) and "\0" not in value:
        return value
    raise TypeError(f"`{name}` has {value!r}; expected a text, a path or a number")
