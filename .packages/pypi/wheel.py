#!/usr/bin/env python3
"""Makes a wheel from a program that is built already, with the same content as `maturin build`.

    python3 wheel.py --binary target/release/standin --out dist [--platform manylinux_2_28_x86_64]

`maturin build --release` in this folder compiles the program too, and is what a release uses. This script is
for tests, and for programs that were built elsewhere.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import sys
import sysconfig
import zipfile
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:
    sys.exit(f"error: wheel.py needs Python 3.11 or newer, found {sys.version.split()[0]}")

HERE = Path(__file__).resolve().parent

#: Time of all files, so that the same content gives the same bytes.
TIME = (1980, 1, 1, 0, 0, 0)

#: First bytes of a program: ELF of Linux, Mach-O of macOS (also for two processors), and Windows.
PROGRAM = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ")


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes a wheel from a program that is built already.")
    parser.add_argument("--binary", type=Path, required=True, help="the program")
    parser.add_argument("--out", type=Path, required=True, help="folder for the wheel")
    parser.add_argument("--platform", default=None, help="platform tag; default: this machine")
    given = parser.parse_args()
    if not given.binary.exists():
        return fail(
            f"the program `{given.binary}` does not exist",
            "build it with `cargo build --release`, which writes target/release/standin in the repository",
        )
    if not given.binary.is_file():
        return fail(f"`{given.binary}` is a folder, expected the program", "name the file: target/release/standin")
    platform = given.platform or re.sub(r"[-.]", "_", sysconfig.get_platform())
    if not re.fullmatch(r"[a-z0-9_]+", platform):
        return fail(
            f"`{platform}` is not a platform tag", "name one such as manylinux_2_28_x86_64 or macosx_11_0_arm64"
        )
    try:
        if not given.binary.read_bytes().startswith(PROGRAM):
            return fail(f"`{given.binary}` is not a program", "name the file that `cargo build --release` writes")
        print(make(given.binary, given.out, platform))
    except OSError as error:
        return fail(f"the wheel cannot be written to `{given.out}`: {error}")
    return 0


def fail(message: str, advice: str = "") -> int:
    print(f"error: {message}", file=sys.stderr)
    if advice:
        print(f"  = help: {advice}", file=sys.stderr)
    return 2


def make(binary: Path, out: Path, platform: str) -> Path:
    """Write the wheel and return its path."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version, tag = re.sub(r"[-_.]+", "_", project["name"]).lower(), project["version"], f"py3-none-{platform}"
    info, data = f"{name}-{version}.dist-info", f"{name}-{version}.data"
    files = {
        file.relative_to(HERE / "python").as_posix(): file.read_bytes()
        for file in sorted((HERE / "python").rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }
    program = "standin.exe" if platform.startswith("win") else "standin"
    files[f"{data}/scripts/{program}"] = binary.read_bytes()
    files[f"{info}/METADATA"] = metadata(project)
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: wheel.py\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files[f"{info}/entry_points.txt"] = entry_points(project)
    files[f"{info}/licenses/LICENSE"] = (HERE / "../../LICENSE").read_bytes()
    out.mkdir(parents=True, exist_ok=True)
    wheel = out / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            write(archive, path, content, 0o755 if "/scripts/" in path else 0o644)
        rows = [f"{path},sha256={digest(content)},{len(content)}" for path, content in files.items()]
        write(archive, f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]).encode(), 0o644)
    return wheel


def write(archive: zipfile.ZipFile, path: str, content: bytes, mode: int) -> None:
    entry = zipfile.ZipInfo(path, TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100000 | mode) << 16
    archive.writestr(entry, content)


def digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def metadata(project: dict) -> bytes:
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"Keywords: {','.join(project['keywords'])}",
        f"License-Expression: {project['license']}",
        "License-File: LICENSE",
        *(f"Classifier: {classifier}" for classifier in project["classifiers"]),
        f"Requires-Python: {project['requires-python']}",
        "Description-Content-Type: text/markdown; charset=UTF-8",
    ]
    return ("\n".join(lines) + "\n\n" + (HERE / project["readme"]).read_text(encoding="utf-8")).encode()


def entry_points(project: dict) -> bytes:
    lines: list[str] = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items()), ""]
    return "\n".join(lines).encode()


if __name__ == "__main__":
    sys.exit(main())
