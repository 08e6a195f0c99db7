"""How much memory this process holds, and held at most, where Linux tells."""

import contextlib
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def status_bytes(name: str) -> int | None:
    """`VmRSS`, what is held now, or `VmHWM`, the most; None on other systems."""
    with contextlib.suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
    return None


def forget_peak() -> None:
    """From now on the most that is held is counted anew."""
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")
