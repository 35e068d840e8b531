"""Fixtures of pytest: ``standin``, one server of a run, and ``sandbox``, a session of a test.

With pytest-xdist, the main process starts the server and the workers connect to it, if the configuration
names documents. A project that overrides ``standin_options`` gets one server in each worker.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Any, Callable, Optional, TypeVar

import pytest

from ._client import Sandbox, Server, connect
from ._http import ControlError
from ._journal import journal_text
from ._names import session_name_of_test
from ._process import StartedServer, StartError, ending, start

#: Settings of `pytest.ini` that are options of `start`, with their type and help.
_SETTINGS = {
    "documents": ("args", "files, folders or URLs of OpenAPI documents"),
    "fixtures": ("string", "folder of fixtures"),
    "state": ("bool", "keep what requests write"),
    "seed": ("string", "seed of generated values"),
    "validate": ("string", "strict, warn or off"),
    "scenario": ("string", "default scenario of the fixtures"),
    "overlay": ("args", "overlays that correct the documents"),
    "fail_on": ("args", "conditions that make the run fail: violations, unmatched, uncovered=10%"),
    "cover": ("args", "operations that `uncovered` counts"),
    "report": ("args", "reports to write at the end: junit report.xml"),
    "args": ("args", "further options of `standin serve`"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, (kind, text) in _SETTINGS.items():
        kinds: Any = kind if kind != "string" else None
        parser.addini(f"standin_{name}", f"sandbox: {text}", type=kinds)
    parser.getgroup("standin").addoption(
        "--standin-url", metavar="URL", help="use the sandbox that runs at this address (or STANDIN_URL)"
    )


class _Run:
    """The server of a run, which is started when it is first needed."""

    def __init__(self, config: pytest.Config) -> None:
        self.options = _options(config)
        self.url: Optional[str] = config.getoption("standin_url") or os.environ.get("STANDIN_URL")
        self.started: Optional[StartedServer] = None
        #: Why the server of the main process could not start, or what it says at its end.
        self.error: Optional[str] = None
        #: What the main process told this worker.
        self.shared: dict[str, Any] = getattr(config, "workerinput", {}).get("standin") or {}

    def server(self) -> Server:
        if self.url:
            return connect(self.url)
        if self.shared.get("error"):
            pytest.fail(self.shared["error"], pytrace=False)
        if self.shared:
            return connect(self.shared["url"], token=self.shared["token"])
        if self.started is None:
            self.started = start(**self.options)
        return self.started

    def stop(self) -> None:
        if self.started is None:
            return
        ended = self.started.stop()
        if ended.code > 0:
            self.error = f"the sandbox ended with {ending(ended.code)}\n{ended.output}".rstrip()


_RUN = pytest.StashKey[_Run]()


def _options(config: pytest.Config) -> dict[str, Any]:
    options: dict[str, Any] = {"cwd": str(config.rootpath)}
    for name in _SETTINGS:
        value = config.getini(f"standin_{name}")
        if value:
            options[name] = value
    report = options.pop("report", None)
    if report:
        if len(report) % 2:
            raise pytest.UsageError("`standin_report` has pairs of a form and a file, such as: junit report.xml")
        options["report"] = dict(zip(report[::2], report[1::2]))
    return options


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RUN] = _Run(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the server is."""
    run = node.config.stash[_RUN]
    if run.url or not run.options.get("documents"):
        return
    try:
        server = run.server()
    except (StartError, OSError) as error:
        node.workerinput["standin"] = {"error": str(error)}
        return
    node.workerinput["standin"] = {"url": server.url, "token": server.token}


def pytest_sessionfinish(session: pytest.Session) -> None:
    run = session.config.stash[_RUN]
    run.stop()
    if run.error and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    run = config.stash[_RUN]
    if run.error:
        terminalreporter.section("sandbox", red=True)
        terminalreporter.line(run.error)


@pytest.fixture(scope="session")
def standin_options(pytestconfig: pytest.Config) -> dict[str, Any]:
    """Options of the server, from the configuration. Override this fixture to compute them."""
    return dict(pytestconfig.stash[_RUN].options)


@pytest.fixture(scope="session")
def standin(pytestconfig: pytest.Config, standin_options: dict[str, Any]) -> Iterator[Server]:
    """The server of the run, which the workers of pytest-xdist share."""
    run = pytestconfig.stash[_RUN]
    if run.url or standin_options == run.options:
        yield _started(run.server)
        return
    server = _started(lambda: start(**standin_options))
    yield server
    ended = server.stop()
    if ended.code > 0:
        pytest.fail(f"the sandbox ended with {ending(ended.code)}\n{ended.output}", pytrace=False)


_Started = TypeVar("_Started", bound=Server)


def _started(starting: Callable[[], _Started]) -> _Started:
    try:
        return starting()
    except (StartError, OSError) as error:
        why = str(error)
    # The traceback says nothing that the message does not; in the block, pytest would print the message twice.
    pytest.fail(why, pytrace=False)


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, standin: Server) -> Sandbox:
    """A session that no other test shares; its journal is in the report if the test fails."""
    return standin.session(session_name_of_test(request.node.nodeid))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    sandbox = getattr(item, "funcargs", {}).get("sandbox")
    if not report.failed or report.when == "teardown" or not isinstance(sandbox, Sandbox):
        return
    try:
        exchanges = sandbox.received()
    except ControlError as error:
        report.sections.append(("sandbox", str(error)))
        return
    if exchanges:
        report.sections.append((f"sandbox received, in the session {sandbox.name}", journal_text(exchanges)))
