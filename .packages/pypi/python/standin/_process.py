"""A server as a child process, which ends with this process, however that ends."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, Optional, Union

from ._arguments import command_line
from ._binary import binary_path
from ._client import Connection, Server
from ._guard import Guard

#: Number of the last characters of the output that are kept.
KEPT = 64 * 1024

#: File, folder or URL of an OpenAPI document, or the document itself.
Document = Union[str, "os.PathLike[str]", Mapping[str, Any]]


class StartError(Exception):
    """Failure of a start; ``output`` is what the program printed, ``code`` its exit code."""

    def __init__(self, message: str, output: str = "", code: Optional[int] = None) -> None:
        printed = output.rstrip()
        super().__init__(f"{message}\n{printed}" if printed else message)
        self.output = output
        self.code = code


@dataclass(frozen=True)
class Ended:
    """End of a server: its exit code, 1 if a condition of ``fail_on`` is met, and its last output."""

    code: int
    output: str


class Program:
    """Program that runs, with the end of its output."""

    def __init__(self, arguments: list[str], cwd: Optional[str], env: dict[str, str], folder: Optional[str]) -> None:
        self.output = ""
        self.folder = folder
        self.url: Optional[str] = None
        #: Set when there is an address, or none will come.
        self.settled = threading.Event()
        #: A fork of this process must not end the server.
        self.owner = os.getpid()
        self.guard = Guard()
        try:
            self.child = subprocess.Popen(
                [binary_path(env), *arguments],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except BaseException:
            self._clean()
            raise
        self.guard.watch(self.child.pid)
        self.reader = threading.Thread(target=self._read, name="standin output", daemon=True)
        self.reader.start()
        atexit.register(self.stop, 2.0)

    def _read(self) -> None:
        assert self.child.stdout is not None, "the output is a pipe"
        for line in self.child.stdout:
            self.output = (self.output + line)[-KEPT:]
            found = re.match(r"listening on (https?://\S+)", line)
            if found and not self.url:
                self.url = found[1].replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//[::1]")
                self.settled.set()
        self.settled.set()

    def listening(self, timeout: float) -> str:
        """Wait for the line with the address.

        :raises StartError: if the program ends, or takes too long
        """
        if not self.settled.wait(timeout):
            self.child.kill()
            self.stop(1.0)
            raise StartError(f"the sandbox did not start within {timeout:g} s", self.output)
        if self.url:
            return self.url
        ended = self.stop(5.0)
        raise StartError(f"the sandbox did not start; it ended with {ending(ended.code)}", ended.output, ended.code)

    def stop(self, timeout: float) -> Ended:
        """End the program in order, so that it writes its reports; after the timeout, at once."""
        if os.getpid() != self.owner:
            return Ended(0, self.output)
        if self.child.poll() is None:
            self.child.terminate()
        try:
            code = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            code = self.child.wait()
        self.reader.join(5.0)
        self._clean()
        atexit.unregister(self.stop)
        return Ended(code, self.output)

    def _clean(self) -> None:
        self.guard.done()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def ending(code: int) -> str:
    """Return an exit code, or the signal that it stands for, as text."""
    return f"the signal {-code}" if code < 0 else f"exit code {code}"


class StartedServer(Server):
    """Server that this process started; a context manager that stops it."""

    def __init__(self, program: Program, connection: Connection, stop_timeout: float) -> None:
        super().__init__(connection)
        self._program = program
        self._stop_timeout = stop_timeout
        self._ended: Optional[Ended] = None
        connection.ended = self._why_ended

    def _why_ended(self) -> Optional[str]:
        code = self._program.child.poll()
        if code is None:
            return None
        return f"the sandbox has ended with {ending(code)}\n{self.output[-2000:]}".rstrip()

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._program.child.pid

    @property
    def output(self) -> str:
        """The last output of the server: diagnostics of the documents, and the log."""
        return self._program.output

    @property
    def token(self) -> Optional[str]:
        """Token of the control API, if there is one."""
        return self._connection.token

    def stop(self, timeout: Optional[float] = None) -> Ended:
        """Stop the server, which writes its reports."""
        if self._ended is None:
            self._ended = self._program.stop(self._stop_timeout if timeout is None else timeout)
        return self._ended

    def __enter__(self) -> StartedServer:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()


def start(
    documents: Union[Document, Iterable[Document], None] = None,
    *,
    fixtures: Union[str, os.PathLike[str], None] = None,
    state: bool = False,
    seed: Union[int, str, None] = None,
    port: int = 0,
    host: Optional[str] = None,
    validate: Optional[str] = None,
    scenario: Optional[str] = None,
    delay: Union[str, int, None] = None,
    journal: Optional[int] = None,
    overlay: Sequence[Union[str, os.PathLike[str]]] = (),
    fail_on: Union[str, Sequence[str]] = (),
    cover: Union[str, Sequence[str]] = (),
    report: Optional[Mapping[str, Union[str, os.PathLike[str]]]] = None,
    log: str = "off",
    args: Sequence[str] = (),
    cwd: Union[str, os.PathLike[str], None] = None,
    env: Optional[Mapping[str, str]] = None,
    control_token: Optional[str] = None,
    start_timeout: float = 30.0,
    stop_timeout: float = 10.0,
) -> StartedServer:
    """Start a server on a free port, and return it when it answers.

    Each option is one of ``standin serve``, whose help explains it; ``args`` has others.

    :param documents: files, folders or URLs, or documents as dictionaries; ``./specs`` without any
    :param report: files to write at the end: ``{"junit": "report.xml"}``
    :param start_timeout: seconds within which the server has to start
    :raises StartError: if it does not start; the error has what the program printed
    """
    plain = {
        "fixtures": fixtures,
        "state": "on" if state else None,
        "seed": seed,
        "port": port,
        "host": host,
        "validate": validate,
        "scenario": scenario,
        "delay": delay,
        "journal": journal,
        "log": log,
    }
    lists = {"overlay": overlay, "fail-on": fail_on, "cover": cover}
    arguments, inline = command_line(documents, plain, lists, report or {}, args)
    environment = {**os.environ, **(env or {})}
    # Not on the command line, which other users of the machine can list.
    if control_token:
        environment["STANDIN_CONTROL_TOKEN"] = control_token
    folder = mkdtemp(prefix="standin-") if inline else None
    arguments += inline.written(folder) if folder else []
    program = Program(arguments, os.fspath(cwd) if cwd is not None else None, environment, folder)
    url = program.listening(start_timeout)
    connection = Connection(url, environment.get("STANDIN_CONTROL_TOKEN"))
    return StartedServer(program, connection, stop_timeout)
