"""A card's first sector: which partition lies where. Rules without I/O.

The table of an MBR: four entries of 16 bytes from byte 446 on, little-endian, and 0x55 0xAA at the end. An entry has
the type of the partition in its byte 4, where it begins in bytes 8 to 11 and how long it is in bytes 12 to 15, both in
sectors of 512 bytes. What else it says (cylinders and heads) nobody has read since disks were larger than 8 GB.
"""

import struct
from dataclasses import dataclass

from deploy.image.errors import CardError

SECTOR = 512  # bytes
ALIGN = 8 * 2**20  # bytes; Raspberry Pi OS begins every partition at a multiple of it, and cards write such blocks best
FAT = frozenset({0x06, 0x0B, 0x0C, 0x0E})
LINUX = 0x83

_TABLE = 446
_ENTRY = struct.Struct("<B3sB3sII")
_NO_CYLINDERS = b"\xfe\xff\xff"  # "further than cylinders can say"


@dataclass(frozen=True)
class Partition:
    """Where a partition lies: start and size in bytes."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.start + self.size


def parse(sector: bytes) -> tuple[Partition, Partition]:
    """The boot and the root partition of a card. Raises CardError unless it has just these two, in this order."""
    if len(sector) != SECTOR or sector[-2:] != b"\x55\xaa":
        raise CardError("expected the image of a card with an MBR, got a file that does not begin with one")
    entries = [_ENTRY.unpack_from(sector, _TABLE + number * _ENTRY.size) for number in range(4)]
    kinds = [entry[2] for entry in entries]
    if kinds[0] not in FAT or kinds[1] != LINUX or any(kinds[2:]):
        found = ", ".join(f"{kind:02x}" for kind in kinds if kind) or "none"
        raise CardError(
            "expected two partitions as Raspberry Pi OS has them, FAT (type 0c) and Linux (type 83); "
            f"got partitions of type {found}"
        )
    boot, root = (Partition(entry[4] * SECTOR, entry[5] * SECTOR) for entry in entries[:2])
    if not SECTOR <= boot.start < boot.end <= root.start < root.end:
        raise CardError("expected the root partition behind the boot partition, got partitions that lie otherwise")
    return boot, root


def serialize(sector: bytes, *partitions: Partition) -> bytes:
    """The first sector with these sizes and places instead; what boots it and its disk id stay as they were.

    Partitions beyond those that `sector` has are of type Linux. The disk id is half of every PARTUUID, by which
    fstab and the kernel's command line find the partitions.
    """
    changed = bytearray(sector)
    for number, partition in enumerate(partitions):
        at = _TABLE + number * _ENTRY.size
        flags, first, kind, last, _, _ = _ENTRY.unpack_from(changed, at)
        if not kind:
            first, kind, last = _NO_CYLINDERS, LINUX, _NO_CYLINDERS
        place = (partition.start // SECTOR, partition.size // SECTOR)
        _ENTRY.pack_into(changed, at, flags, first, kind, last, *place)
    return bytes(changed)


def aligned(size: int) -> int:
    """The next multiple of 8 MiB."""
    return -(-size // ALIGN) * ALIGN
