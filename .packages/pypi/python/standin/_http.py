"""One request to the control API, with the standard library and without the proxies of the environment."""

from __future__ import annotations

import http.client
import json
from typing import Any, Optional
from urllib.parse import urlsplit

#: Longest answer that is read, in bytes; a longer one is an error.
MOST = 256 * 1024 * 1024

#: Bytes that are read at a time.
PIECE = 64 * 1024


class ControlError(Exception):
    """Refusal of the control API: its status, and the problem (RFC 9457) that it answered with."""

    def __init__(self, message: str, status: Optional[int] = None, problem: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem


def checked_origin(url: str) -> str:
    """Return the scheme, host and port of a URL.

    :raises ValueError: if it is no URL of HTTP
    """
    expected = "expected a URL such as http://127.0.0.1:4010"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{url!r} is not a URL: {error}; {expected}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not a URL of HTTP; {expected}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def call(
    origin: str, method: str, target: str, body: Any = None, token: Optional[str] = None, timeout: float = 30.0
) -> Any:
    """Send a request and return the content of the answer: a value for JSON, else text.

    :raises ControlError: if the server refuses the request or cannot be reached
    """
    headers = {"Accept": "application/json"}
    content: Optional[bytes] = None
    if body is not None:
        content = json.dumps(body, allow_nan=False).encode("utf-8")
        headers["Content-Type"] = "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    status, kind, answer = _sent(origin, method, target, content, headers, timeout)
    value = _parsed(kind, answer)
    if 200 <= status < 300:
        return value
    raise _refused(method, target, status, value)


def _sent(
    origin: str, method: str, target: str, content: Optional[bytes], headers: dict[str, str], timeout: float
) -> tuple[int, str, bytes]:
    parts = urlsplit(origin)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request(method, target, content, headers)
        response = connection.getresponse()
        answer = _content(response)
    except (OSError, http.client.HTTPException) as error:
        why = str(error) or type(error).__name__
        raise ControlError(f"the sandbox at {origin} cannot be reached: {why}") from error
    finally:
        connection.close()
    if len(answer) > MOST:
        raise ControlError(f"the answer of {origin} has more than {MOST} bytes")
    return response.status, response.headers.get_content_type(), answer


def _content(response: http.client.HTTPResponse) -> bytes:
    # In pieces: older versions of Python allocate as much as they may read.
    pieces, size = [], 0
    while size <= MOST:
        piece = response.read(PIECE)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _parsed(kind: str, answer: bytes) -> Any:
    if not answer:
        return None
    text = answer.decode("utf-8", "replace")
    if kind != "application/json" and not kind.endswith("+json"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _refused(method: str, target: str, status: int, value: Any) -> ControlError:
    problem = value if isinstance(value, dict) else None
    detail = (problem.get("detail") or problem.get("title")) if problem else value
    path = target.partition("?")[0]
    return ControlError(f"{method} {path}: {str(detail or 'refused')[:2000]} (status {status})", status, problem)
