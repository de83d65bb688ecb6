"""What puts pi-stream on a machine: the unit, the package, and cards to boot from."""
