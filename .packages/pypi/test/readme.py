"""Writes the project that the README shows, so that a test can run it: readme.py FOLDER."""

from __future__ import annotations

import re
import sys
from pathlib import Path

readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
section = re.search(r"^## pytest\n(.*?)^## ", readme, re.M | re.S)[1]
settings, *modules = re.findall(r"^```(?:toml|python)\n(.*?)^```", section, re.M | re.S)
folder = Path(sys.argv[1])
(folder / "pyproject.toml").write_text(settings, encoding="utf-8")
test, options = modules
(folder / "test_pets.py").write_text(test, encoding="utf-8")
computed = folder / "computed"
computed.mkdir()
(computed / "conftest.py").write_text(options, encoding="utf-8")
(computed / "test_computed.py").write_text(test, encoding="utf-8")
