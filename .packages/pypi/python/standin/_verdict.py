"""What a verdict of the control API says to a person."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Optional

#: Most characters of a value that a message shows.
LONGEST = 400

_PARTS = ("path", "query", "header", "cookie", "body")


@dataclass(frozen=True)
class NearMiss:
    """Request that nearly matches, with the reasons why it does not."""

    request: int
    method: str
    target: str
    why: list[str]


@dataclass(frozen=True)
class Verdict:
    """Verdict on the calls of a client."""

    passed: bool
    count: int
    #: Numbers of the requests that match.
    requests: list[int] = field(default_factory=list)
    #: Index of the first call of a sequence that was not found.
    missing: Optional[int] = None
    near_misses: list[NearMiss] = field(default_factory=list)
    #: Number of exchanges that the journal does not keep any more.
    forgotten: int = 0


class VerificationError(AssertionError):
    """Calls that are not as a test expects."""

    def __init__(self, message: str, verdict: Verdict) -> None:
        super().__init__(message)
        self.verdict = verdict


def verdict_of(answer: dict[str, Any]) -> Verdict:
    """Read the answer of ``POST /_standin/verify``."""
    misses = [
        NearMiss(miss["request"], miss["method"], miss["target"], miss.get("why", []))
        for miss in answer.get("nearMisses") or []
    ]
    return Verdict(
        passed=answer["passed"],
        count=answer.get("count", 0),
        requests=answer.get("requests") or [],
        missing=answer.get("missing"),
        near_misses=misses,
        forgotten=answer.get("forgotten") or 0,
    )


def failure(asked: dict[str, Any], verdict: Verdict) -> str:
    """Return why a verdict is not as expected, with the requests that nearly match."""
    lines = [f"expected calls of {_expectation(asked)}", _found(verdict)]
    for miss in verdict.near_misses:
        lines.append(f"request {miss.request}, {miss.method} {miss.target}: {'; '.join(miss.why)}")
    if verdict.forgotten:
        lines.append(f"{verdict.forgotten} earlier exchanges are not kept any more; raise `journal`")
    return "\n".join(lines)


def _expectation(asked: dict[str, Any]) -> str:
    if "sequence" in asked:
        calls = [str(call.get("operation", "any operation")) for call in asked["sequence"]]
        return f"{len(calls)} calls in order: {', '.join(calls)}"
    operation = f"`{asked['operation']}`" if "operation" in asked else "any operation"
    described = " and ".join(f"{part} {_shown(asked[part])}" for part in _PARTS if part in asked)
    status = f", status {asked['status']}" if "status" in asked else ""
    return f"{operation}{' with ' + described if described else ''}{status}{_times(asked)}"


def _times(asked: dict[str, Any]) -> str:
    bounds = (("times", "exactly"), ("atLeast", "at least"), ("atMost", "at most"))
    said = [f"{word} {asked[name]}" for name, word in bounds if name in asked]
    last = asked.get("atMost", asked.get("atLeast", asked.get("times")))
    noun = "time" if last == 1 else "times"
    return f", {' and '.join(said)} {noun}" if said else ""


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _found(verdict: Verdict) -> str:
    if verdict.missing is not None:
        return f"call {verdict.missing} of the sequence (from 0) was not found"
    numbers = ", ".join(str(number) for number in verdict.requests[:10])
    calls = "call" if verdict.count == 1 else "calls"
    return f"found {verdict.count} matching {calls}{': requests ' + numbers if numbers else ''}"
