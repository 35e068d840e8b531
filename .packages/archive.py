#!/usr/bin/env python3
"""Packs the program of a release with its licences, completions and manual page.

    python3 archive.py --program target/…/standin --target x86_64-unknown-linux-gnu --out dist

The archive is `standin-VERSION-TARGET.tar.gz`, or `.zip` for Windows. The program is run for its version, its
completions and its manual page. The same files give the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

#: Name of the completion file of each shell, as the shell looks for it.
COMPLETIONS = {
    "bash": "standin.bash",
    "elvish": "standin.elv",
    "fish": "standin.fish",
    "powershell": "_standin.ps1",
    "zsh": "_standin",
}

#: Time of all files, the earliest of a zip archive.
TIME = (1980, 1, 1, 0, 0, 0)
SECONDS = 315532800


def main() -> int:
    parser = argparse.ArgumentParser(description="Packs the program of a release.")
    parser.add_argument("--program", type=Path, required=True, help="the program, which is run")
    parser.add_argument("--target", required=True, help="target of the Rust compiler that it was built for")
    parser.add_argument("--out", type=Path, required=True, help="folder for the archive")
    parser.add_argument("--third-party", type=Path, help="file with the licences of the libraries")
    given = parser.parse_args()
    if not given.program.is_file():
        found = "is a folder, expected the program" if given.program.is_dir() else "does not exist"
        return fail(f"`{given.program}` {found}", "`.packages/build TARGET` builds the program, and prints its path")
    if not re.fullmatch(r"[a-z0-9_]+(-[a-z0-9_]+)+", given.target):
        return fail(f"`{given.target}` is not a target", "name one such as x86_64-unknown-linux-gnu")
    if given.third_party and not given.third_party.is_file():
        return fail(
            f"the file of `--third-party`, `{given.third_party}`, does not exist",
            f"make it with `python3 .packages/licences.py {given.target} > {given.third_party}`",
        )
    try:
        given.out.mkdir(parents=True, exist_ok=True)
        print(pack(given.program.resolve(), given.target, given.out, given.third_party))
    except (OSError, subprocess.SubprocessError, NotStandin) as error:
        return fail(f"the archive cannot be made: {error}")
    return 0


def fail(message: str, advice: str = "") -> int:
    print(f"error: {message}", file=sys.stderr)
    if advice:
        print(f"  = help: {advice}", file=sys.stderr)
    return 2


class NotStandin(Exception):
    """A program that is another one."""


def pack(program: Path, target: str, out: Path, third_party: Path | None) -> Path:
    """Write the archive and return its path."""
    printed = run(program, "--version").decode(errors="replace").strip()
    found = re.fullmatch(r"standin (\d+\.\d+\.\d+(-[\w.]+)?)", printed)
    if not found:
        raise NotStandin(f"`{program} --version` prints `{printed.splitlines()[0] if printed else ''}`, expected `standin 1.2.3`")
    version = found[1]
    name = f"standin-{version}-{target}"
    is_windows = "-windows-" in target
    files = {
        "standin.exe" if is_windows else "standin": program.read_bytes(),
        "README.md": (ROOT / "README.md").read_bytes(),
        "LICENSE": (ROOT / "LICENSE").read_bytes(),
        "man/standin.1": run(program, "man"),
    }
    for shell, file in COMPLETIONS.items():
        files[f"completions/{file}"] = run(program, "completions", shell)
    if third_party:
        files["THIRD-PARTY.txt"] = third_party.read_bytes()
    entries = [(f"{name}/{path}", content, mode_of(path)) for path, content in sorted(files.items())]
    archive = out / f"{name}{'.zip' if is_windows else '.tar.gz'}"
    archive.write_bytes(zipped(entries) if is_windows else tarred(entries))
    return archive


def run(program: Path, *arguments: str) -> bytes:
    return subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, timeout=60).stdout


def mode_of(path: str) -> int:
    return 0o755 if path in ("standin", "standin.exe") else 0o644


def tarred(entries: list[tuple[str, bytes, int]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content, mode in entries:
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(content), mode, SECONDS
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def zipped(entries: list[tuple[str, bytes, int]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content, mode in entries:
            entry = zipfile.ZipInfo(path, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


if __name__ == "__main__":
    sys.exit(main())
