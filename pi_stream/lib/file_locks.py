"""Who has locked a file, by what the kernel shows in /proc/locks.

libcamera opens the /dev/media* of every camera to see what it is, and locks it (lockf) only to take pictures: so
PipeWire on a desktop has them open all day and is in nobody's way, while a lock is what makes a camera busy. The list
shows the locks of all users to anybody.
"""

import os
from collections.abc import Iterable

LISTING = "/proc/locks"


def lock_holders(listing: str, files: Iterable[os.stat_result]) -> set[int]:
    """The processes that have locked one of these files.

    A line of the listing: `4: POSIX  ADVISORY  WRITE 812 00:06:443 0 EOF`, where after the process come the two numbers
    of the file system, in hexadecimal, and the file's own. The process is 0 or less where it is in another container,
    and a lock that is waited for has a line with an arrow.
    """
    wanted = {f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}" for file in files}
    lines = [line.split() for line in listing.splitlines()]
    found = {int(line[4]) for line in lines if len(line) >= 6 and line[1] == "POSIX" and line[5] in wanted}
    return {pid for pid in found if pid > 0}
