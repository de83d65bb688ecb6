"""Installation of pi-stream: systemd units, the Debian package, and images of bootable cards."""
