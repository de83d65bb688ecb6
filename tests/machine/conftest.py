"""What the tests of virtual machines need. Where it cannot be had they are skipped, and the reason is printed."""

import shutil
from collections.abc import Iterator

import pytest

from tests.appliance.conftest import browser, provided
from tests.appliance.disk import Disk
from tests.appliance.disk import disk as made
from tests.appliance.virtual_machine import VirtualMachine

__all__ = ["browser", "provided"]


@pytest.fixture(scope="session")
def disk(provided: None) -> Disk:  # noqa: ARG001 - what it provides is used
    """Debian 13 with our package."""
    for program, package in (("qemu-system-x86_64", "qemu-system-x86"), ("qemu-img", "qemu-utils")):
        if shutil.which(program) is None:
            pytest.skip(f"no virtual machine: there is no {program}; apt install {package}")
    return made()


@pytest.fixture(scope="module")
def machine(disk: Disk) -> Iterator[VirtualMachine]:
    """One that runs, for all tests of a file."""
    with VirtualMachine(disk) as running:
        yield running
