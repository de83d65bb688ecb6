"""The numbers as one table that a person reads."""

from collections.abc import Mapping

Table = dict[str, list[float]]
"""By name, such as "websocket / 50 / cpu_us": the value of each run."""

_PARTIES = ("websocket", "mjpeg", "ustreamer", "bare JPEG", "bare write")
_FEW, _MANY = 50, 200  # viewers, between which the cost of one more is taken


def show(machine: Mapping[str, str], medians: Mapping[str, float], runs: int, seconds: float) -> str:
    """All of it, as text."""
    lines = [", ".join(f"{name} {value}" for name, value in machine.items())]
    lines.append(f"medians of {runs} run{'s' * (runs > 1)}, {seconds:g} s each; 1280x720, 30 fps, JPEG quality 80")
    lines += _viewers(medians)
    rest = [name for name in medians if not name.startswith(_PARTIES)]
    lines += ["", *(f"{name:<50}{medians[name]:10.2f}" for name in rest)] if rest else []
    return "\n".join(lines)


def _viewers(medians: Mapping[str, float]) -> list[str]:
    counts = sorted({int(name.split(" / ")[1]) for name in medians if name.startswith(_PARTIES)})
    if not counts:
        return []
    lines = ["", f"{'who':<12}{'viewers':>8}{'CPU %':>8}{'us/frame':>10}{'/uStr.':>8}{'fps':>7}{'least':>7}{'MiB':>6}"]
    for party in _PARTIES:
        for count in counts:
            of = {field: medians.get(f"{party} / {count} / {field}") for field in _FIELDS}
            if of["cpu_us"] is None:
                continue
            theirs = medians.get(f"ustreamer / {count} / cpu_us")
            ratio = f"{of['cpu_us'] / theirs:.2f}" if theirs and party in ("websocket", "mjpeg", "bare JPEG") else "-"
            numbers = f"{of['cpu_percent']:8.1f}{of['cpu_us']:10.0f}{ratio:>8}{of['fps']:7.1f}{of['fps_least']:7.1f}"
            lines.append(f"{party:<12}{count:>8}{numbers}{of['memory_mb']:6.0f}")
    floor = _one_more(medians, "bare write")
    for party in _PARTIES:
        cost = _one_more(medians, party)
        if cost is not None:
            beside = f", {cost / floor:.2f} x a bare write" if floor and party != "bare write" else ""
            lines.append(f"one more viewer, {_FEW} to {_MANY}: {party} {cost:.1f} us a frame{beside}")
    return lines


_FIELDS = ("cpu_percent", "cpu_us", "fps", "fps_least", "memory_mb")


def _one_more(medians: Mapping[str, float], party: str) -> float | None:
    """Microseconds of CPU that one more viewer costs, for each frame."""
    few, many = (
        (medians.get(f"{party} / {count} / cpu_percent"), medians.get(f"{party} / {count} / fps"))
        for count in (_FEW, _MANY)
    )
    if few[0] is None or many[0] is None or not few[1] or not many[1]:
        return None
    return (many[0] / many[1] - few[0] / few[1]) * 1e4 / (_MANY - _FEW)
