"""Where is the program? In ``STANDIN_BINARY``, else where the wheel installed it."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

_NAME = "standin.exe" if sys.platform == "win32" else "standin"


def binary_path(env: Mapping[str, str] = os.environ) -> str:
    """Return the path of the program.

    :raises FileNotFoundError: if ``STANDIN_BINARY`` names no file, or the wheel has no program
    """
    named = env.get("STANDIN_BINARY")
    if named:
        if os.path.isfile(named):
            return os.path.abspath(named)
        raise FileNotFoundError(f"STANDIN_BINARY names {named!r}, which is not a file")
    for folder in _script_folders():
        if (folder / _NAME).is_file():
            return str(folder / _NAME)
    raise FileNotFoundError(
        f"the program {_NAME} is not installed; it was looked for in "
        f"{', '.join(str(folder) for folder in _script_folders())}. Install the wheel of this platform with "
        "`pip install --force-reinstall --only-binary :all: standin-sandbox`, or set STANDIN_BINARY to the path of the program"
    )


def _script_folders() -> Iterator[Path]:
    # A virtual environment or the system, `pip install --user`, and `pip install --target`.
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sysconfig.get_path("scripts", f"{os.name}_user"))
    yield Path(__file__).resolve().parent.parent / "bin"
