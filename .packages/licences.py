#!/usr/bin/env python3
"""Prints the licences of the libraries that are part of the program for a target.

    python3 licences.py x86_64-unknown-linux-gnu > THIRD-PARTY.txt

Texts are those in the packages of the libraries; equal ones are printed once. Fails if a library names no licence.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Files of a package that are about its licence.
TEXT = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)([-_.].*)?", re.IGNORECASE)


def main() -> int:
    if len(sys.argv) != 2 or not re.fullmatch(r"[a-z0-9_]+(-[a-z0-9_]+)+", sys.argv[1]):
        found = " ".join(sys.argv[1:]) or "nothing"
        print(f"error: expected one target such as x86_64-unknown-linux-gnu, found {found}", file=sys.stderr)
        return 2
    # Windows would write the encoding of its language.
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    try:
        packages = libraries(sys.argv[1])
    except subprocess.CalledProcessError:
        # Cargo has printed why.
        print(f"error: the libraries for `{sys.argv[1]}` cannot be listed, as `cargo metadata` failed", file=sys.stderr)
        return 1
    except FileNotFoundError:
        print("error: `cargo` is not on the PATH; it lists the libraries", file=sys.stderr)
        return 1
    unlicensed = [package["name"] for package in packages if not (package["license"] or package["license_file"])]
    if unlicensed:
        print(f"error: no licence is named by {', '.join(unlicensed)}", file=sys.stderr)
        return 1
    texts: dict[str, list[str]] = defaultdict(list)
    print("Libraries that are part of this program, with their licences\n")
    for package in packages:
        title = f"{package['name']} {package['version']}"
        print(f"{title}: {package['license'] or package['license_file']}")
        for file in sorted(Path(package["manifest_path"]).parent.iterdir()):
            if file.is_file() and TEXT.fullmatch(file.name):
                texts[file.read_text(encoding="utf-8", errors="replace").strip()].append(f"{title} ({file.name})")
    for text, owners in texts.items():
        print(f"\n{'-' * 80}\n{', '.join(owners)}\n\n{text}")
    return 0


def libraries(target: str) -> list[dict]:
    """Return the packages that are linked, sorted by name: no tests, no build scripts, no procedural macros."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found, waiting = set(), [metadata["resolve"]["root"]]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            package = packages[dependency["pkg"]]
            is_macro = any("proc-macro" in target["kind"] for target in package["targets"])
            if is_linked and not is_macro and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return sorted((packages[name] for name in found), key=lambda package: (package["name"], package["version"]))


if __name__ == "__main__":
    sys.exit(main())
