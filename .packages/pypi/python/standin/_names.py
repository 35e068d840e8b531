"""Names of sessions: what the server takes, in a URL, a header field and a cookie."""

from __future__ import annotations

import re
import secrets
import unicodedata
from urllib.parse import quote

#: Longest name of a session, in bytes of UTF-8.
LONGEST = 200


def checked_name(name: str) -> str:
    """Return the name if a session can have it.

    :raises TypeError: if it is no text
    :raises ValueError: if it is empty, too long, a dot segment, or has control characters
    """
    if not isinstance(name, str):
        raise TypeError(f"a session cannot have the name {name!r}: it is not a string")
    why = _fault(name)
    if why:
        raise ValueError(f"a session cannot have the name {name[:80]!r}: {why}")
    return name


def _fault(name: str) -> str:
    if name == "":
        return "it is empty; the server itself is the unnamed session"
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        return "it has control characters"
    if any(unicodedata.category(letter) == "Cs" for letter in name):
        return "it is not valid Unicode"
    length = len(name.encode("utf-8"))
    if length > LONGEST:
        return f"it has {length} bytes, and at most {LONGEST} are possible"
    # Clients remove dot segments from a path, so no base URL could name the session.
    return "clients remove it from a URL" if name in (".", "..") else ""


def escaped(name: str) -> str:
    """Return a name as one segment of a path, or as the value of a cookie."""
    return quote(name, safe="")


def segment(name: object, what: str) -> str:
    """Return a name as one segment of a path of the control API.

    :raises ValueError: if no path can have it
    """
    text = str(name)
    if text in ("", ".", "..") or any(unicodedata.category(letter) == "Cs" for letter in text):
        raise ValueError(f"{what} cannot have the name {name!r}")
    return escaped(text)


def fits_header(name: str) -> bool:
    """Return true if a header field can carry the name as it is."""
    return re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", name) is not None


def session_name_of_test(*parts: str) -> str:
    """Return a name for the session of one test: readable, and with an ending that no other run has.

    Each way to address a session can carry it.
    """
    text = unicodedata.normalize("NFKD", " > ".join(part for part in parts if part))
    readable = re.sub(r"[^ -~]+|[\"\\;,%]", "", text)
    readable = re.sub(r" +", " ", readable).strip()
    return f"{readable[-160:].strip()} #{secrets.token_hex(5)}".strip()
