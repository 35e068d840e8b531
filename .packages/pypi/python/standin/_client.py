"""The control API of a running sandbox as methods."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Callable, Optional, Union
from urllib.parse import urlencode

from ._http import ControlError, call, checked_origin
from ._names import checked_name, escaped, fits_header, segment
from ._verdict import Verdict, VerificationError, failure, verdict_of

#: A JSON object.
Object = Mapping[str, Any]


class Connection:
    """The address of a server and its token, which its sessions share."""

    def __init__(self, url: str, token: Optional[str]) -> None:
        self.origin = checked_origin(url)
        self.token = token
        #: Says why the server cannot answer any more, if that is known.
        self.ended: Callable[[], Optional[str]] = lambda: None

    def call(
        self, method: str, path: str, query: Optional[Object] = None, body: Any = None, timeout: float = 30.0
    ) -> Any:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"/_standin/{path}{'?' + urlencode(given) if given else ''}"
        try:
            return call(self.origin, method, target, body, self.token, timeout)
        except ControlError as error:
            ended = self.ended() if error.status is None else None
            if ended:
                raise ControlError(ended) from error
            raise


class Sandbox:
    """A session: separate state, fixtures, scenario and journal."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        #: Name of the session; empty for the unnamed session.
        self.name = name
        #: Collections of the session.
        self.state = State(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    @property
    def url(self) -> str:
        """Base URL of the requests of this session."""
        origin = self._connection.origin
        return f"{origin}/_standin/sessions/{escaped(self.name)}" if self.name else origin

    @property
    def headers(self) -> dict[str, str]:
        """Header fields that put a request to the server's own address into this session."""
        if not self.name:
            return {}
        if not fits_header(self.name):
            raise ValueError(f"a header field cannot carry the session name {self.name!r}; use `url` or `cookie`")
        return {"Standin-Session": self.name}

    @property
    def cookie(self) -> tuple[str, str]:
        """Name and value of a cookie that puts a request to the server's own address into this session."""
        return "standin-session", escaped(self.name)

    def control(
        self, method: str, path: str, query: Optional[Object] = None, body: Any = None, timeout: float = 30.0
    ) -> Any:
        """Send a request of the control API about this session: ``control("GET", "scenario")``."""
        # Without a session, these two are about all sessions.
        of_all = not self.name and path in ("requests", "verify")
        session = {} if of_all else {"session": self.name}
        return self._connection.call(method, path, {**session, **(query or {})}, body, timeout)

    def fixtures(self, fixtures: Object) -> AddedFixtures:
        """Add fixtures, in the form of a fixture file; they apply before all others.

        As a context manager, the result takes them back.
        """
        return AddedFixtures(self, self.control("POST", "fixtures", body=fixtures))

    def clear_fixtures(self) -> None:
        """Remove all fixtures that were added to the session."""
        self.control("DELETE", "fixtures")

    def calls(
        self,
        operation: Optional[str] = None,
        *,
        path: Optional[Object] = None,
        query: Optional[Object] = None,
        header: Optional[Object] = None,
        cookie: Optional[Object] = None,
        body: Any = None,
        status: Union[int, str, None] = None,
        times: Optional[int] = None,
        at_least: Optional[int] = None,
        at_most: Optional[int] = None,
        within: Union[str, int, None] = None,
        sequence: Optional[Sequence[Object]] = None,
    ) -> Verdict:
        """Count the calls that match, and return the verdict."""
        return self._judged(_asked(locals()))

    def verify(
        self,
        operation: Optional[str] = None,
        *,
        path: Optional[Object] = None,
        query: Optional[Object] = None,
        header: Optional[Object] = None,
        cookie: Optional[Object] = None,
        body: Any = None,
        status: Union[int, str, None] = None,
        times: Optional[int] = None,
        at_least: Optional[int] = None,
        at_most: Optional[int] = None,
        within: Union[str, int, None] = None,
        sequence: Optional[Sequence[Object]] = None,
    ) -> Verdict:
        """Count the calls that match.

        Each part has plain values, or is a JSON Schema.

        :raises VerificationError: if they are not as expected; without a number, there must be one at least
        """
        __tracebackhide__ = True
        asked = _asked(locals())
        verdict = self._judged(asked)
        if not verdict.passed:
            raise VerificationError(failure(asked, verdict), verdict)
        return verdict

    def _judged(self, asked: dict[str, Any]) -> Verdict:
        # The server waits for 60 s at most (`within`).
        return verdict_of(self.control("POST", "verify", body=asked, timeout=95.0))

    def received(
        self,
        operation: Optional[str] = None,
        *,
        status: Union[int, str, None] = None,
        violation: Optional[str] = None,
        limit: Optional[int] = None,
        before: Optional[int] = None,
        after: Optional[int] = None,
    ) -> list[dict[str, Any]]:
        """Return the recorded exchanges, oldest first: the last 100, or as many as ``limit`` says."""
        query = {
            "operation": operation,
            "status": status,
            "violation": violation,
            "limit": limit,
            "before": before,
            "after": after,
        }
        exchanges: list[dict[str, Any]] = self.control("GET", "requests", query)["requests"]
        return exchanges

    def explain(
        self, target: str, method: str = "GET", headers: Optional[Object] = None, body: Any = None
    ) -> dict[str, Any]:
        """Explain how a request would be answered; nothing changes."""
        explanation: dict[str, Any] = self._described("explain", target, method, headers, body)
        return explanation

    def send(
        self, target: str, method: str = "GET", headers: Optional[Object] = None, body: Any = None
    ) -> dict[str, Any]:
        """Send a request to the simulated API, and return its answer with the explanation."""
        answer: dict[str, Any] = self._described("requests", target, method, headers, body)
        return answer

    def _described(self, path: str, target: str, method: str, headers: Optional[Object], body: Any) -> Any:
        request: dict[str, Any] = {"target": target, "method": method, "session": self.name}
        request.update({"headers": dict(headers)} if headers else {})
        request.update({"body": body} if body is not None else {})
        return self._connection.call("POST", path, body=request)

    def snapshot(self, name: str = "snapshot") -> Snapshot:
        """Save the state of the session under a name."""
        path = f"snapshots/{segment(name, 'a snapshot')}"
        self.control("PUT", path)
        return Snapshot(self, name, path)

    def scenario(self, name: Optional[str]) -> None:
        """Select a scenario of the fixtures; ``None`` for none."""
        self.control("PUT", "scenario", body={"scenario": name})

    def reset(self, *, keep_journal: bool = False) -> None:
        """Remove what the session wrote, its fixtures, counts and recorded exchanges."""
        self.control("POST", "reset", {"keep": "journal" if keep_journal else None})


#: Arguments of `verify`, with their names in the control API.
_EXPECTED = {
    "operation": "operation",
    "path": "path",
    "query": "query",
    "header": "header",
    "cookie": "cookie",
    "body": "body",
    "status": "status",
    "times": "times",
    "at_least": "atLeast",
    "at_most": "atMost",
    "within": "within",
    "sequence": "sequence",
}


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    return {member: given[name] for name, member in _EXPECTED.items() if given[name] is not None}


class AddedFixtures:
    """Fixtures that were added to a session; a context manager that takes them back."""

    def __init__(self, sandbox: Sandbox, added: dict[str, Any]) -> None:
        self._sandbox = sandbox
        #: The fixtures, each with ``id``, ``operation`` and ``fixture``.
        self.fixtures: list[dict[str, Any]] = added["fixtures"]
        #: What may be a mistake, such as a body that does not fit its schema.
        self.warnings: list[str] = added.get("warnings") or []

    def remove(self) -> None:
        """Take the fixtures back."""
        for fixture in self.fixtures:
            try:
                self._sandbox.control("DELETE", f"fixtures/{fixture['id']}")
            except ControlError as error:
                if error.status != 404:
                    raise

    def __enter__(self) -> AddedFixtures:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.remove()


class Snapshot:
    """Saved state of a session."""

    def __init__(self, sandbox: Sandbox, name: str, path: str) -> None:
        self._sandbox = sandbox
        self._path = path
        self.name = name

    def restore(self) -> None:
        """Make the state of the session that of the snapshot."""
        self._sandbox.control("POST", f"{self._path}/restore")

    def changes(self) -> dict[str, Any]:
        """Return what differs between the snapshot and now: ``added``, ``removed`` and ``changed``."""
        changes: dict[str, Any] = self._sandbox.control("GET", f"{self._path}/changes")
        return changes

    def delete(self) -> None:
        """Delete the snapshot."""
        self._sandbox.control("DELETE", self._path)


class State:
    """Collections of a session.

    ``scope`` has the values of the path before a nested collection: ``"7"`` for ``/pets/7/visits``.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def export(self) -> dict[str, Any]:
        """Return everything that the session wrote, as one value."""
        exported: dict[str, Any] = self._sandbox.control("GET", "state")
        return exported

    def replace_all(self, state: Object) -> None:
        """Replace everything that the session wrote by what ``export`` returned."""
        self._sandbox.control("PUT", "state", body=state)

    def list(
        self,
        collection: str,
        *,
        scope: Optional[str] = None,
        q: Optional[str] = None,
        offset: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> Any:
        """Return the entities of a collection, a list: ``list("pets")``."""
        query = {"scope": scope, "q": q, "offset": offset, "limit": limit}
        return self._sandbox.control("GET", _path(collection), query)["entities"]

    def replace(self, collection: str, entities: Sequence[Object], *, scope: Optional[str] = None) -> Any:
        """Replace the entities of a collection."""
        body = [*entities]
        return self._sandbox.control("PUT", _path(collection), {"scope": scope}, body)["entities"]

    def add(self, collection: str, entity: Object, *, scope: Optional[str] = None) -> dict[str, Any]:
        """Add an entity, which gets a key if it has none."""
        added: dict[str, Any] = self._sandbox.control("POST", _path(collection), {"scope": scope}, entity)["entity"]
        return added

    def get(
        self, collection: str, key: Union[str, int], *, scope: Optional[str] = None
    ) -> Optional[dict[str, Any]]:
        """Return an entity, or ``None`` if there is none with this key."""
        try:
            found: dict[str, Any] = self._sandbox.control("GET", _path(collection, key), {"scope": scope})["entity"]
        except ControlError as error:
            detail = str((error.problem or {}).get("detail", ""))
            if error.status == 404 and not detail.startswith("there is no collection"):
                return None
            raise
        return found

    def put(
        self, collection: str, key: Union[str, int], entity: Object, *, scope: Optional[str] = None
    ) -> dict[str, Any]:
        """Replace an entity."""
        answer = self._sandbox.control("PUT", _path(collection, key), {"scope": scope}, entity)
        replaced: dict[str, Any] = answer["entity"]
        return replaced

    def delete(self, collection: str, key: Union[str, int], *, scope: Optional[str] = None) -> None:
        """Delete an entity."""
        self._sandbox.control("DELETE", _path(collection, key), {"scope": scope})

    def collections(self) -> Any:
        """Return the collections, a list."""
        return self._sandbox.control("GET", "collections")["collections"]


def _path(collection: str, *key: Union[str, int]) -> str:
    return "/".join(["state", segment(collection, "a collection"), *(segment(one, "an entity") for one in key)])


class Server(Sandbox):
    """A running server. Its own methods are about the unnamed session; ``received``, ``calls`` and ``verify`` about all."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, "")

    def session(self, name: str) -> Sandbox:
        """Return a session. It exists from its first use."""
        return Sandbox(self._connection, checked_name(name))

    def coverage(self) -> dict[str, Any]:
        """Return the operations, statuses and parameters that were used, and not."""
        coverage: dict[str, Any] = self._connection.call("GET", "coverage")
        return coverage

    def operations(self) -> Any:
        """Return the operations of the documents, a list."""
        return self._connection.call("GET", "operations")["operations"]

    def reload(self) -> dict[str, Any]:
        """Load documents, fixtures and data again, and return what differs."""
        report: dict[str, Any] = self._connection.call("POST", "reload")
        return report


def connect(url: str, *, token: Optional[str] = None) -> Server:
    """Return the server that answers at a URL; it is not asked before it is used."""
    return Server(Connection(url, token or os.environ.get("STANDIN_CONTROL_TOKEN")))
