"""The first sector of a card, with its partition table (MBR). Rules without I/O.

The table of an MBR: four entries of 16 bytes from byte 446 on, little-endian, and 0x55 0xAA at the end. An entry has
the type of the partition in byte 4, its start in bytes 8 to 11 and its size in bytes 12 to 15, both in sectors of 512
bytes. The other fields (cylinders and heads) cannot address disks of more than 8 GB, and are ignored.
"""

import struct
from dataclasses import dataclass

from deploy.image.errors import CardError

SECTOR_BYTES = 512
ALIGN_BYTES = 8 * 2**20  # Raspberry Pi OS aligns partitions so, and cards write blocks of this size fastest
FAT = frozenset({0x06, 0x0B, 0x0C, 0x0E})
LINUX = 0x83

_TABLE = 446
_ENTRY = struct.Struct("<B3sB3sII")
_NO_CYLINDERS = b"\xfe\xff\xff"  # the value for "out of range"


@dataclass(frozen=True)
class Partition:
    """Start and size of a partition in bytes."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The offset of the first byte after it."""
        return self.start + self.size


def parse(sector: bytes) -> tuple[Partition, Partition]:
    """The boot and the root partition of a card. Raises CardError unless it has exactly these two, in this order."""
    if len(sector) != SECTOR_BYTES or sector[-2:] != b"\x55\xaa":
        raise CardError("expected the image of a card with an MBR, got a file that does not begin with one")
    entries = [_ENTRY.unpack_from(sector, _TABLE + number * _ENTRY.size) for number in range(4)]
    kinds = [entry[2] for entry in entries]
    if kinds[0] not in FAT or kinds[1] != LINUX or any(kinds[2:]):
        found = ", ".join(f"{kind:02x}" for kind in kinds if kind) or "none"
        raise CardError(
            "expected two partitions as in Raspberry Pi OS, FAT (type 0c) and Linux (type 83); "
            f"got partitions of type {found}"
        )
    boot, root = (Partition(entry[4] * SECTOR_BYTES, entry[5] * SECTOR_BYTES) for entry in entries[:2])
    if not SECTOR_BYTES <= boot.start < boot.end <= root.start < root.end:
        raise CardError("expected the root partition after the boot partition, got another order")
    return boot, root


def serialize(sector: bytes, *partitions: Partition) -> bytes:
    """The first sector with these partitions; boot code and disk id are those of `sector`.

    Partitions that `sector` does not have get the type Linux. The disk id is part of every PARTUUID, by which fstab and
    the kernel's command line find the partitions.
    """
    changed = bytearray(sector)
    for number, partition in enumerate(partitions):
        at = _TABLE + number * _ENTRY.size
        flags, first, kind, last, _, _ = _ENTRY.unpack_from(changed, at)
        if not kind:
            first, kind, last = _NO_CYLINDERS, LINUX, _NO_CYLINDERS
        place = (partition.start // SECTOR_BYTES, partition.size // SECTOR_BYTES)
        _ENTRY.pack_into(changed, at, flags, first, kind, last, *place)
    return bytes(changed)


def aligned(size: int) -> int:
    """Round a size in bytes up to a multiple of 8 MiB."""
    return -(-size // ALIGN_BYTES) * ALIGN_BYTES
