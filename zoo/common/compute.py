"""Memory that is freed and soon wanted again."""

import contextlib
import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of mallopt(3)
LARGEST, DOCUMENTED = (
    1 << 30,
    1 << 25,
)  # bytes: what glibc takes today, and what mallopt(3) says it takes


def keep_freed() -> None:
    """Have the process keep up to a gigabyte of memory that it has freed, for what it allocates
    next.

    Else each batch's maps go back to the system, and come again filled with zeros page by page,
    which takes a quarter of the sampling of a convolutional network and a fifteenth of its
    training. Where the C library is not glibc, this does nothing."""
    with contextlib.suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        # an older glibc refuses the first; a threshold that is not set would stay at 128 kB once
        # the other is
        mallopt(MMAP_THRESHOLD, LARGEST) or mallopt(MMAP_THRESHOLD, DOCUMENTED)
        mallopt(TRIM_THRESHOLD, LARGEST)
