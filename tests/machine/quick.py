"""A short start, for tests that need many: what no part of ours needs is left out."""

_LEFT_OUT = (
    *("avahi-daemon.service", "avahi-daemon.socket", "pi-stream-announce.service"),
    *("systemd-logind.service", "systemd-user-sessions.service", "systemd-timesyncd.service", "systemd-binfmt.service"),
    *("e2scrub_reap.service", "serial-getty@ttyS0.service", "getty@tty1.service", "systemd-pcrphase.service"),
    *("modprobe@configfs.service", "modprobe@drm.service", "modprobe@efi_pstore.service", "modprobe@fuse.service"),
    *("dev-hugepages.mount", "dev-mqueue.mount", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount"),
    *("sys-kernel-debug.mount", "sys-kernel-tracing.mount", "systemd-network-generator.service"),
    *("systemd-udev-load-credentials.service", "systemd-networkd-persistent-storage.service"),
)
QUICK = " ".join(f"systemd.mask={unit}" for unit in _LEFT_OUT)
"""For `VirtualMachine(options=...)`."""
