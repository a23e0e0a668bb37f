"""Says on what machine and with what versions figures were taken."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

import rnnswap


def describe(device: torch.device) -> dict[str, str | int]:
    """Return what decides speed: processor, cores, threads, system, versions, device."""
    found: dict[str, str | int] = {
        "cpu": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "rnnswap": rnnswap.__version__,
    }
    if device.type == "cuda":
        found["device"] = torch.cuda.get_device_name(device)
        found["cuda"] = str(torch.version.cuda or torch.version.hip)
        found["cudnn tf32"] = "on" if torch.backends.cudnn.allow_tf32 else "off"
        found["matmul tf32"] = "on" if torch.backends.cuda.matmul.allow_tf32 else "off"
    return found


def machine_lines(machine: Mapping[str, str | int]) -> Iterator[str]:
    """Yield what `describe` found, in lines for people."""
    yield (
        f"{machine['cpu']} ({machine['instructions']}), {_count(machine['cores'], 'core')}, "
        f"{_count(machine['threads'], 'thread')}, {machine['system']}"
    )
    if "device" in machine:
        more = ("cudnn tf32", "matmul tf32")
        yield ", ".join([str(machine["device"]), *(f"{key} {machine[key]}" for key in more)])
    yield ", ".join(f"{name} {machine[name]}" for name in ("python", "torch", "rnnswap"))


def _count(number: str | int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _cores() -> int:
    return os.cpu_count() or 1


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", _read(info), re.MULTILINE)
    return names[0] if names else platform.processor() or platform.machine()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:  # not Linux
        return ""
