"""Which processes have locked a file, from /proc/locks, which shows every user the locks of all users.

libcamera opens the /dev/media* of every camera to list it, and locks it (lockf) only to take pictures. So a desktop's
PipeWire has them open all day without harm, and a lock is what makes a camera busy.
"""

import os
from collections.abc import Iterable

LISTING = "/proc/locks"


def lock_holders(listing: str, files: Iterable[os.stat_result]) -> set[int]:
    """The ids of the processes that have locked one of these files. `listing` is the text of /proc/locks.

    A line: `4: POSIX  ADVISORY  WRITE 812 00:06:443 0 EOF`. After the process id come the major and minor number of the
    file system, in hexadecimal, and the inode. The process id is 0 or less for a process in another container, and a
    process that waits for a lock has a line with an arrow.
    """
    wanted = {f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}" for file in files}
    lines = [line.split() for line in listing.splitlines()]
    found = {int(line[4]) for line in lines if len(line) >= 6 and line[1] == "POSIX" and line[5] in wanted}
    return {pid for pid in found if pid > 0}
