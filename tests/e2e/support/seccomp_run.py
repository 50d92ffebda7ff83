"""seccomp_run.py FILE COMMAND...: runs COMMAND under a filter that lets through the system calls
named in FILE and answers all others with EPERM, as SystemCallFilter of a unit does. x86-64 only."""
import ctypes
import os
import re
import struct
import sys
from pathlib import Path

NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06          # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
ALLOW, KILL, ERRNO_EPERM = 0x7FFF0000, 0x80000000, 0x00050001
ARCHITECTURE, X86_64 = 4, 0xC000003E            # offset in seccomp_data, AUDIT_ARCH_X86_64
NUMBER = 0
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2


def program(names):
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", NUMBERS.read_text()))
    steps = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, X86_64), (RETURN, 0, 0, KILL),
             (LOAD, 0, 0, NUMBER)]
    for name in names:
        if name in numbers:                     # others belong to other architectures
            steps += [(EQUAL, 0, 1, int(numbers[name])), (RETURN, 0, 0, ALLOW)]
    return [*steps, (RETURN, 0, 0, ERRNO_EPERM)]


def install(steps):
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))

    class Program(ctypes.Structure):
        _fields_ = [("size", ctypes.c_ushort), ("code", ctypes.c_void_p)]
    filled = Program(len(steps), ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or \
            prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(filled), 0, 0):
        raise OSError(ctypes.get_errno(), "cannot install the filter")


install(program(Path(sys.argv[1]).read_text().split()))
os.execvp(sys.argv[2], sys.argv[2:])
