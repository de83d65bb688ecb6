"""A damaged file goes out of the way, so that what is written next does not end it: somebody may yet mend it."""

from pathlib import Path

_KEPT = 5  # files of one name, at most


def quarantine(path: Path) -> str:
    """Rename the file to `<name>.damaged-1` to `-5`, over the oldest when there are so many; say what was done. Blocks.

    Raises nothing: where it cannot be renamed, the words say so.
    """
    aside = [path.with_name(f"{path.name}.damaged-{n}") for n in range(1, _KEPT + 1)]
    try:
        target = next((each for each in aside if not each.exists()), None) or min(aside, key=_changed)
        path.replace(target)
    except OSError as error:
        return f"it cannot be set aside ({error.strerror or error})"
    return f"it is kept as {target.name}"


def _changed(path: Path) -> float:
    return path.stat().st_mtime
