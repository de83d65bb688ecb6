"""Damaged files are renamed, so that the next write does not destroy them: a person may be able to repair them."""

from pathlib import Path

_MAX_FILES = 5  # of one name


def quarantine(path: Path) -> str:
    """Rename the file to `<name>.damaged-1` to `-5`, or over the oldest of the five. Blocks.

    Returns a sentence for the log on what was done, also if the file could not be renamed. Raises nothing.
    """
    targets = [path.with_name(f"{path.name}.damaged-{n}") for n in range(1, _MAX_FILES + 1)]
    try:
        target = next((each for each in targets if not each.exists()), None) or min(targets, key=_changed)
        path.replace(target)
    except OSError as error:
        return f"it cannot be renamed ({error.strerror or error})"
    return f"it is kept as {target.name}"


def _changed(path: Path) -> float:
    return path.stat().st_mtime
