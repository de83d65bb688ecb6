"""A card is booted on a Raspberry Pi 3 that QEMU plays, until a browser shows its picture: `make test-boot`."""
