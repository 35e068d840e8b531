"""A tiny process that ends the server if this process is killed, when no hook of it can run.

It reads a pipe that only this process holds. First comes the process id of the server, later ``done`` if the
server has ended; the end of the pipe without ``done`` means that this process is gone.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

_SHELL = """
read -r pid || exit 0
read -r word && [ "$word" = done ] && exit 0
kill -TERM "$pid" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$pid" 2>/dev/null || exit 0; done
kill -KILL "$pid" 2>/dev/null
"""

_SCRIPT = """
import os, signal, sys
lines = sys.stdin.read().split("\\n")
if lines[0] and lines[1:2] != ["done"]:
    try:
        os.kill(int(lines[0]), signal.SIGTERM)
    except OSError:
        pass
"""


class Guard:
    """The process and the pipe to it."""

    def __init__(self) -> None:
        windows = sys.platform == "win32"
        command = [sys.executable, "-c", _SCRIPT] if windows else ["/bin/sh", "-c", _SHELL]
        # Signals of the terminal and of a process group do not reach it.
        apart: dict[str, Any] = {"creationflags": 0x208} if windows else {"start_new_session": True}
        try:
            self._child: Any = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=None if windows else "/",
                text=True,
                **apart,
            )
        except OSError:
            # Without it, the server still ends with this process in all cases but a kill.
            self._child = None

    def watch(self, pid: int) -> None:
        """Tell the process id of the server."""
        self._write(f"{pid}\n")

    def done(self) -> None:
        """Tell that there is nothing to end any more."""
        if self._child is None or self._child.stdin.closed:
            return
        self._write("done\n")
        try:
            self._child.stdin.close()
        except OSError:
            pass
        try:
            self._child.wait(5.0)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _write(self, text: str) -> None:
        try:
            if self._child is not None:
                self._child.stdin.write(text)
                self._child.stdin.flush()
        except OSError:
            pass
