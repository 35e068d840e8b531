"""What the tests of the library share: the document, and requests."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional
from urllib.error import HTTPError

import pytest

import standin

PETS = Path(__file__).resolve().parents[3] / "documents" / "pets.yaml"


class Client:
    """Client of the simulated API."""

    def ask(
        self, url: str, value: Any = None, headers: Optional[dict[str, str]] = None
    ) -> tuple[int, Any]:
        content = None if value is None else json.dumps(value).encode()
        fields = {**({"Content-Type": "application/json"} if content else {}), **(headers or {})}
        request = urllib.request.Request(url, content, fields)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.loads(response.read())
        except HTTPError as error:
            return error.code, json.loads(error.read())

    def create(self, base: str, name: str, headers: Optional[dict[str, str]] = None) -> int:
        return self.ask(f"{base}/pets", {"name": name}, headers)[0]

    def names(self, base: str, headers: Optional[dict[str, str]] = None) -> list[str]:
        return [pet["name"] for pet in self.ask(f"{base}/pets", None, headers)[1]]


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def pets() -> Path:
    return PETS


@pytest.fixture
def server() -> Iterator[standin.StartedServer]:
    with standin.start(PETS, state=True) as server:
        yield server
