"""Findings as lines for a terminal: aligned, wrapped, and in colour if wanted."""

import textwrap
from collections.abc import Iterator, Sequence

from pi_stream.doctor.finding import Finding, Level

_COLOURS: dict[Level, str] = {"ok": "32", "warning": "33", "fault": "1;31", "unknown": "36"}  # of ECMA-48's SGR
_MIN_TEXT_COLUMNS = 40  # a terminal may report 0 columns
_LEVEL_COLUMNS = 9  # the level and the blank after it


def table(findings: Sequence[Finding], *, width: int, colour: bool) -> Iterator[str]:
    """Yield the lines of each finding: level, area, what was found, and below it how to fix it. `width`: columns."""
    areas = max((len(each.area) for each in findings), default=0) + 2
    room = max(width - _LEVEL_COLUMNS - areas, _MIN_TEXT_COLUMNS)
    margin = " " * (_LEVEL_COLUMNS + areas)
    for finding in findings:
        first, *more = textwrap.wrap(finding.what, room, break_on_hyphens=False) or [""]
        level = f"{finding.level:<{_LEVEL_COLUMNS}}"
        if colour:
            level = f"\033[{_COLOURS[finding.level]}m{level}\033[0m"
        yield f"{level}{finding.area:<{areas}}{first}"
        yield from (margin + line for line in more)
        if finding.fix is not None:
            fix = textwrap.wrap(finding.fix, room - 2, break_on_hyphens=False, break_long_words=False)
            yield from (f"{margin}{'> ' if at == 0 else '  '}{line}" for at, line in enumerate(fix))


def summary(findings: Sequence[Finding]) -> str:
    """How many findings there are of each level but "ok", in one line."""
    counts = {level: sum(each.level == level for each in findings) for level in _COLOURS}
    counted = [
        f"{counts['fault']} {'fault' if counts['fault'] == 1 else 'faults'}",
        f"{counts['warning']} {'warning' if counts['warning'] == 1 else 'warnings'}",
        f"{counts['unknown']} unknown",
    ]
    problems = [each for each in counted if not each.startswith("0 ")]
    return f"{', '.join(problems)}; everything else is ok." if problems else "Everything is ok."
