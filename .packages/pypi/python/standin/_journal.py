"""The exchanges of a session as text, for the report of a test that failed."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from typing import Any

#: Most characters of a content that a line shows.
LONGEST = 300


def journal_text(exchanges: Iterable[dict[str, Any]]) -> str:
    """Return one line for each exchange, and one for each content and violation."""
    lines: list[str] = []
    for exchange in exchanges:
        request, response = exchange["request"], exchange.get("response") or {}
        status, operation = response.get("status", "no answer"), exchange.get("operation") or "no operation"
        lines.append(f"#{exchange['number']} {request['method']} {request['target']} → {status} ({operation})")
        lines.extend(_content("sent    ", request.get("content")))
        lines.extend(_content("answered", response.get("content")))
        lines.extend(f"   wrong    {_plain(violation)}" for violation in exchange.get("violations") or [])
    return "\n".join(lines)


def _content(what: str, value: Any) -> list[str]:
    if value is None:
        return []
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    plain = _plain(text)
    return [f"   {what} {plain if len(plain) <= LONGEST else plain[:LONGEST] + '…'}"]


def _plain(text: str) -> str:
    return "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text)
