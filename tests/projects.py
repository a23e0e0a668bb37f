"""Makes a project's folder importable with its metadata, as an editable installation does."""

import os
import sys
import tomllib
from pathlib import Path


def install(folder, into):
    """Write the dist-info of the project in `folder` to `into`; both must be on sys.path."""
    project = tomllib.loads((Path(folder) / "pyproject.toml").read_text("utf-8"))["project"]
    stem = project["name"].replace("-", "_")
    info = Path(into) / f"{stem}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata.format(**project), "utf-8")
    entries = project["entry-points"]["rnnswap"].items()
    lines = ["[rnnswap]", *(f"{name} = {module}" for name, module in entries)]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return project


def environment(*folders):
    """The environment variables of a process that finds what lies in the folders."""
    path = os.pathsep.join([*map(str, folders), *(p for p in sys.path if p)])
    return {**os.environ, "PYTHONPATH": path}
