"""Readings of CPU, memory, temperature and throttling."""

from pathlib import Path

import pytest

from pi_stream.lib import machine_stats
from pi_stream.lib.machine_stats import MachineMonitor


def test_a_reading_has_what_this_machine_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sensor's file is in thousandths of a degree, the firmware's in hexadecimal."""
    thermal, bits = tmp_path / "temp", tmp_path / "get_throttled"
    monkeypatch.setattr(machine_stats, "_THERMAL", thermal)
    monkeypatch.setattr(machine_stats, "_THROTTLED", bits)
    monitor = MachineMonitor()
    assert (monitor.latest.temperature_c, monitor.latest.throttled) == (None, None)
    thermal.write_text("51121\n")
    for text, throttled in (("50005\n", True), ("50000\n", False)):
        bits.write_text(text)
        reading = monitor.read()
        assert (reading.temperature_c, reading.throttled) == (51.1, throttled)
    assert reading.memory_mb is not None
    assert 1 < reading.memory_mb < machine_stats.machine_mb()
    assert 0 <= reading.cpu_percent <= 100 * machine_stats.cores() + 50
    thermal.write_text("hot\n")
    assert monitor.read().temperature_c is None


def test_without_proc_the_memory_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on another system than Linux."""

    def missing(path: Path) -> str:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(Path, "read_text", missing)
    assert machine_stats.memory_mb() is None
