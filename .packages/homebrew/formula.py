#!/usr/bin/env python3
"""Prints the Homebrew formula of a release, from the checksums of its archives.

    python3 formula.py 1.2.3 OWNER/REPOSITORY SHA256SUMS > standin.rb
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

#: Targets of the archives that Homebrew installs, with the block of the formula that each is in.
TARGETS = {
    ("macos", "arm"): "aarch64-apple-darwin",
    ("macos", "intel"): "x86_64-apple-darwin",
    ("linux", "arm"): "aarch64-unknown-linux-gnu",
    ("linux", "intel"): "x86_64-unknown-linux-gnu",
}


def main() -> int:
    if len(sys.argv) != 4:
        return fail(f"expected three arguments, VERSION OWNER/REPOSITORY SHA256SUMS, found {len(sys.argv) - 1}")
    version, repository, sums = sys.argv[1:]
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", version):
        return fail(f"`{version}` is not a version such as 1.2.3")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        return fail(f"`{repository}` is not OWNER/REPOSITORY")
    try:
        checksums = dict(read(Path(sums).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        return fail(f"the file of checksums `{sums}` cannot be read: {error}")
    missing = [name(version, target) for target in TARGETS.values() if name(version, target) not in checksums]
    if missing:
        return fail(f"`{sums}` has no checksum of {', '.join(missing)}")
    sys.stdout.write(formula(version, repository, checksums))
    return 0


def name(version: str, target: str) -> str:
    return f"standin-{version}-{target}.tar.gz"


def read(text: str) -> list[tuple[str, str]]:
    """Return file name and checksum of each line that `sha256sum` writes."""
    lines = (re.fullmatch(r"([0-9a-f]{64}) [ *](?:\./)?(.+)", line) for line in text.splitlines())
    return [(line[2], line[1]) for line in lines if line]


def formula(version: str, repository: str, checksums: dict[str, str]) -> str:
    base = f"https://github.com/{repository}"
    blocks = "".join(block(system, version, base, checksums) for system in ("macos", "linux"))
    return f"""class Standin < Formula
  desc "Sandbox (mock) API server made from OpenAPI documents"
  homepage "{base}"
  version "{version}"
  license any_of: ["MIT", "Apache-2.0"]
{blocks}
  def install
    bin.install "standin"
    man1.install "man/standin.1"
    bash_completion.install "completions/standin.bash" => "standin"
    fish_completion.install "completions/standin.fish"
    zsh_completion.install "completions/_standin"
  end

  test do
    assert_match version.to_s, shell_output("#{{bin}}/standin --version")
    (testpath/"api.yaml").write <<~YAML
      openapi: 3.1.0
      info: {{title: t, version: "1"}}
      paths: {{/hi: {{get: {{responses: {{"200": {{description: d}}}}}}}}}}
    YAML
    assert_match "1 operation", shell_output("#{{bin}}/standin check api.yaml 2>&1")
  end
end
"""


def block(system: str, version: str, base: str, checksums: dict[str, str]) -> str:
    lines = ["", f"  on_{system} do"]
    for (of_system, processor), target in TARGETS.items():
        if of_system == system:
            archive = name(version, target)
            lines += [
                f"    on_{processor} do",
                f'      url "{base}/releases/download/v{version}/{archive}"',
                f'      sha256 "{checksums[archive]}"',
                "    end",
            ]
    return "\n".join([*lines, "  end", ""])


def fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
