"""What was found by fuzzing is stood, and so is whatever is near it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import CORPUS
from tests.fuzz.targets import TARGETS

FILES = {target: sorted((CORPUS / target).iterdir()) for target in TARGETS}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable()  # a line for each damaged file of captions
    yield
    logging.disable(logging.NOTSET)


def test_every_target_has_a_corpus_and_nothing_else_has() -> None:
    """So that what is found is replayed."""
    assert all(FILES.values())
    assert {each.name for each in CORPUS.iterdir()} == set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_found_is_stood(target: str) -> None:
    """Each file is understood, or refused as it should be."""
    for path in FILES[target]:
        TARGETS[target](path.read_bytes())


def _near(paths: list[Path]) -> st.SearchStrategy[bytes]:
    """One of the files with a piece cut out of it, and another in its place."""

    def spoil(path: Path, begin: int, size: int, piece: bytes) -> bytes:
        data = path.read_bytes()
        at = begin % (len(data) + 1)
        return data[:at] + piece + data[at + size :]

    number = st.integers(0, 2000)
    return st.builds(spoil, st.sampled_from(paths), number, st.integers(0, 8) | number, st.binary(max_size=16))


@pytest.mark.parametrize("target", TARGETS)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_near_it_is_stood(target: str, data: st.DataObject) -> None:
    """The same, a little spoilt, and bytes of any kind."""
    TARGETS[target](data.draw(_near(FILES[target]) | st.binary(max_size=64)))
