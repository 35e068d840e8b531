#!/usr/bin/env python3
"""Lays out the root file system of the image, from the lines of its Dockerfile and with no container engine.

    python3 rootfs.py CONTEXT ROOT

CONTEXT is the folder that the lines COPY from, for linux/amd64. Prints what a container runs as JSON: `user`,
`entrypoint`, `command`, `health`, `signal`, `folder`, `environment`. It knows the instructions of this Dockerfile;
another one is an error, so that it is tested or removed.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLATFORM = "linux/amd64"


def main() -> int:
    if len(sys.argv) != 3:
        print(f"error: expected two arguments, CONTEXT ROOT, found {len(sys.argv) - 1}", file=sys.stderr)
        return 2
    context, root = Path(sys.argv[1]), Path(sys.argv[2])
    image = {"user": "0:0", "folder": "/", "environment": {}, "command": [], "signal": "SIGTERM"}
    for name, rest in instructions((HERE / "Dockerfile").read_text(encoding="utf-8")):
        if name == "COPY":
            copy(rest, context, root)
        elif name == "USER":
            image["user"] = rest
        elif name == "WORKDIR":
            image["folder"] = rest
            (root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            image["environment"].update(part.split("=", 1) for part in rest.split())
        elif name in ("ENTRYPOINT", "CMD"):
            image["entrypoint" if name == "ENTRYPOINT" else "command"] = json.loads(rest)
        elif name == "HEALTHCHECK":
            image["health"] = json.loads(rest[rest.index("CMD ") + 4 :])
        elif name == "STOPSIGNAL":
            image["signal"] = rest
        elif (name, rest) != ("FROM", "scratch") and name not in ("ARG", "LABEL", "EXPOSE"):
            print(f"error: `{name} {rest}` is not known here", file=sys.stderr)
            return 1
    print(json.dumps(image))
    return 0


def instructions(text: str) -> list[tuple[str, str]]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def copy(rest: str, context: Path, root: Path) -> None:
    source, target = rest.replace("${TARGETPLATFORM}", PLATFORM).split()
    if not is_sent(source):
        raise SystemExit(f"error: `{source}` is not in the context, as Dockerfile.dockerignore leaves it out")
    if not (context / source).is_file():
        raise SystemExit(f"error: the file `{context / source}` does not exist; the Dockerfile copies it")
    place = root / target.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(context / source, place)


def is_sent(source: str) -> bool:
    """Return true if the file that lists what is left out takes the source in again."""
    lines = (HERE / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    return lines[0] == "*" and f"!{source}" in lines[1:]


if __name__ == "__main__":
    sys.exit(main())
