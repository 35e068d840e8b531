"""A sandbox API server made from OpenAPI documents, for tests in Python.

>>> import standin
>>> with standin.start(documents=["openapi.yaml"], state=True) as server:  # doctest: +SKIP
...     sandbox = server.session("test-1")
...     sandbox.url  # the base URL for the client that is tested
"""

from __future__ import annotations

from ._binary import binary_path
from ._client import AddedFixtures, Sandbox, Server, Snapshot, State, connect
from ._http import ControlError
from ._process import Ended, StartedServer, StartError, start
from ._verdict import NearMiss, Verdict, VerificationError

__all__ = [
    "AddedFixtures",
    "ControlError",
    "Ended",
    "NearMiss",
    "Sandbox",
    "Server",
    "Snapshot",
    "StartError",
    "StartedServer",
    "State",
    "Verdict",
    "VerificationError",
    "binary_path",
    "connect",
    "start",
]
