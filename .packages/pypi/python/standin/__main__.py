"""Runs the program: ``python -m standin serve openapi.yaml``."""

from __future__ import annotations

import os
import subprocess
import sys

from ._binary import binary_path


def main() -> int:
    try:
        program = binary_path()
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    arguments = [program, *sys.argv[1:]]
    if sys.platform != "win32":
        # The program takes the place of this process, with its signals, input and output.
        os.execv(program, arguments)
    return subprocess.run(arguments, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
