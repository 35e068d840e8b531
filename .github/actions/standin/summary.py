#!/usr/bin/env python3
"""Writes the job summary and prints annotations, from the reports of `standin serve` and `standin check`.

    python3 summary.py report.json check.json SUMMARY

Texts of requests come from outside: they are escaped for Markdown and for commands of a workflow. A report that is
missing is said, and is no error, as the exit code of the server tells what happened.
"""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path
from typing import Any

#: Most rows of a table; a summary has at most 1 MiB.
MOST_ROWS = 50

#: Most annotations of one kind, as more are not shown.
MOST_ANNOTATIONS = 10

#: Most characters of one text.
LONGEST = 500


def main() -> int:
    report, check = (read(name) for name in sys.argv[1:3])
    lines = ["## Standin", ""]
    if report is None:
        lines.append("The sandbox wrote no report; its log says why.")
    else:
        lines += of_run(report)
    if check is not None:
        lines += of_documents(check)
        annotate_documents(check)
    if report is not None:
        for failure in report["failures"][:MOST_ANNOTATIONS]:
            command("error", failure, {"title": "Standin"})
        for found in report["violations"][:MOST_ANNOTATIONS]:
            command("warning", f"{found['request']} {found['status']}: {'; '.join(found['violations'])}", {"title": "Standin"})
    with open(sys.argv[3], "a", encoding="utf-8") as summary:
        summary.write("\n".join(lines) + "\n")
    return 0


def read(name: str) -> Any:
    try:
        return json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def of_run(report: dict) -> list[str]:
    operations, unused = report["operations"], report["unused"]
    calls = sum(used["count"] for used in report["used"])
    lines = [f"- {failure(text)}" for text in report["failures"]]
    lines += [
        "",
        "| operations called | calls | requests that do not fit | requests without an operation |",
        "|---|---|---|---|",
        f"| {operations['used']} of {operations['all']} | {calls} | "
        f"{sum(used['violations'] for used in report['used'])} | {report['unmatched']} |",
    ]
    rows = [
        f"| {cell(found['request'])} | {found['status']} | {cell('; '.join(found['violations']))} |"
        for found in report["violations"]
    ]
    lines += table("Requests that do not fit the documents", "| request | status | violation |\n|---|---|---|", rows)
    return lines + table("Operations that were never called", "| operation |\n|---|", [f"| {cell(name)} |" for name in unused])


def of_documents(check: dict) -> list[str]:
    rows = [
        f"| {found['severity']} | `{found['code']}` | {cell(place(found))} | {cell(found['message'])} |"
        for found in check["diagnostics"]
    ]
    return table("Diagnostics of the documents", "| severity | code | place | message |\n|---|---|---|---|", rows)


def table(title: str, head: str, rows: list[str]) -> list[str]:
    if not rows:
        return []
    more = [] if len(rows) <= MOST_ROWS else ["", f"… and {len(rows) - MOST_ROWS} more"]
    summary = f"<details><summary>{title} ({len(rows)})</summary>"
    return ["", summary, "", head, *rows[:MOST_ROWS], *more, "", "</details>"]


def annotate_documents(check: dict) -> None:
    counts: dict[str, int] = {}
    for found in check["diagnostics"]:
        kind = {"error": "error", "warning": "warning"}.get(found["severity"], "notice")
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= MOST_ANNOTATIONS:
            properties = {"title": f"Standin: {found['code']}"}
            if found.get("file"):
                properties |= {"file": found["file"], "line": found.get("line") or 1, "col": found.get("column") or 1}
            help_text = f"\n{found['help']}" if found.get("help") else ""
            # Documents are served in spite of errors, so these do not look like the reason of a failure.
            command("warning" if kind == "error" else kind, found["message"] + help_text, properties)


def command(kind: str, message: str, properties: dict[str, Any]) -> None:
    given = ",".join(f"{name}={escaped(str(value), ':,')}" for name, value in properties.items())
    print(f"::{kind} {given}::{escaped(message[:LONGEST])}")


def escaped(text: str, more: str = "") -> str:
    """Return a text as a command of a workflow holds it."""
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)


def failure(text: str) -> str:
    return f"❌ {cell(text)}"


def cell(text: str) -> str:
    """Return a text that is one cell of a table and has no markup."""
    shown = re.sub(r"[\x00-\x1f\x7f]", " ", text[:LONGEST])
    return re.sub(r"([\\`*_{}\[\]()#+!|~@])", r"\\\1", html.escape(shown, quote=False))


def place(found: dict) -> str:
    return f"{found['file']}:{found.get('line') or 1}" if found.get("file") else ""


if __name__ == "__main__":
    sys.exit(main())
