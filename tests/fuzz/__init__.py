"""Bytes from outside, thrown at all that reads them: `make fuzz` looks for new ones, pytest replays the found."""
