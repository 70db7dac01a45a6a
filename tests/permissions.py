"""Permissions that hold for root too, as they do for everybody else."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION_3 = 0x20080522
_PAST_PERMISSIONS = 0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


@contextmanager
def permissions_hold() -> Iterator[None]:
    """This thread goes past no mode of a file meanwhile, though it is root's (capabilities(7))."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    before, less = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    if libc.capget(header, before) != 0:
        pytest.skip("the kernel does not tell capabilities")
    ctypes.memmove(less, before, ctypes.sizeof(before))
    less[0] = before[0] & ~_PAST_PERMISSIONS
    if libc.capset(header, less) != 0:
        pytest.skip("the kernel takes no capabilities away")
    try:
        yield
    finally:
        libc.capset(header, before)
