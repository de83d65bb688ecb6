"""Reads the partitions of a card's image into files, and writes an image of such files."""

import lzma
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from deploy.image.errors import CardError
from deploy.image.mbr import SECTOR_BYTES, Partition, aligned, parse, serialize

_CHUNK_BYTES = 2**20
_ZEROS = bytes(_CHUNK_BYTES)


@dataclass(frozen=True)
class Card:
    """The parts of a card: the bytes before the first partition, and one file for each partition."""

    head: bytes
    boot: Path
    root: Path
    state: Path | None = None


def take_apart(image: Path, folder: Path) -> Card:
    """Copy the partitions of an image (plain or compressed by xz) into `folder`. Blocks. Raises CardError."""
    try:
        with _opened(image) as source:
            sector = source.read(SECTOR_BYTES)
            boot, root = parse(sector)
            head = sector + source.read(boot.start - SECTOR_BYTES)
            _copy(source, folder / "boot", boot.size)
            _skip(source, root.start - boot.end)
            _copy(source, folder / "root", root.size)
    except (lzma.LZMAError, EOFError) as error:
        raise CardError(f"{image}: cannot be decompressed: {error}") from None
    except CardError as error:
        raise CardError(f"{image}: {error}") from None
    except OSError as error:
        raise CardError(f"{image}: cannot be read: {error.strerror}") from None
    return Card(head, folder / "boot", folder / "root")


def put_together(card: Card, output: Path) -> None:
    """Write the card's image, aligned as in Raspberry Pi OS. Blocks until it is on the disk.

    Raises CardError if it cannot be written, for example if the disk is full.
    """
    boot, _ = parse(card.head[:SECTOR_BYTES])
    pieces = [piece for piece in (card.boot, card.root, card.state) if piece is not None]
    places, start = list[Partition](), boot.start
    for piece in pieces:
        places.append(Partition(start, aligned(piece.stat().st_size)))
        start = places[-1].end
    try:
        with output.open("wb") as target:
            target.write(serialize(card.head[:SECTOR_BYTES], *places) + card.head[SECTOR_BYTES:])
            for piece, place in zip(pieces, places, strict=True):
                target.seek(place.start)
                with piece.open("rb") as source:
                    _transfer(source, target, piece.stat().st_size)
            target.truncate(start)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        raise CardError(f"{output}: cannot be written: {error.strerror}") from None


@contextmanager
def _opened(image: Path) -> Iterator[BinaryIO]:
    with image.open("rb") as file:
        if file.read(6) == b"\xfd7zXZ\x00":  # the magic bytes of xz
            file.seek(0)
            with lzma.open(file) as decompressed:
                yield cast(BinaryIO, decompressed)
        else:
            file.seek(0)
            yield file


def _copy(source: BinaryIO, path: Path, size: int) -> None:
    with path.open("wb") as target:
        _transfer(source, target, size)
        target.truncate(size)


def _transfer(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """Copy `size` bytes; chunks of zeros become holes in a sparse file."""
    while size > 0:
        chunk = source.read(min(_CHUNK_BYTES, size))
        if not chunk:
            raise CardError("it ends in the middle of a partition; is the download complete?")
        if chunk == _ZEROS[: len(chunk)]:
            target.seek(len(chunk), os.SEEK_CUR)
        else:
            target.write(chunk)
        size -= len(chunk)


def _skip(source: BinaryIO, size: int) -> None:
    while size > 0 and (chunk := source.read(min(_CHUNK_BYTES, size))):
        size -= len(chunk)
