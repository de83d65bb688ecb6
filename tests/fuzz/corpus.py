"""Where inputs lie: those that pytest replays, and those that were found here and not looked at yet."""

from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path(__file__).parents[2] / ".fuzz"
