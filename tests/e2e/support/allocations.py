"""Counts a gateway's heap allocations, OpenSSL's apart from all others."""
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "malloc_count.c"


def counted(folder, numbers):
    """gives: the environment of a process whose allocations are counted in the file `numbers`"""
    library = folder / "malloc_count.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", str(SOURCE), "-o", str(library)],
                   check=True)
    return {"LD_PRELOAD": str(library), "SLUICE_MALLOC_COUNT": str(numbers)}


def allocations_in(numbers):
    """gives: so far (OpenSSL's, all others)"""
    return struct.unpack("<QQ", numbers.read_bytes()[:16])
