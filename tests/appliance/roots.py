"""Debian 13 systems to run things in: folders that are built once and kept in `.appliance/`, which git ignores.

`root("debian")` is a small one that boots. "builder" has Debian's tools for packages; "offline" installs ours without a
network. "camera" has what the service needs and the real picamera2 on libcamera's virtual camera, in the system's own
Python as on a Raspberry Pi. "machine" has a kernel, too: `virtual_machine` boots it. A root is never changed once it is
built: `container.Container` runs on a copy that is thrown away. Its name carries a hash of its recipe, so that another
recipe is another root. Building needs root's rights, mmdebstrap and a mirror: the one that this machine's apt uses.

`python -m tests.appliance.roots` builds those that `make test-appliance` uses, for it to find them ready.
"""

import fcntl
import hashlib
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("PI_STREAM_APPLIANCE") or CHECKOUT / ".appliance")
"""Checkouts that are to share their roots are given one folder by this variable."""

_HERE = Path(__file__).parent
_SUITE = "trixie"
_PATIENCE = 900  # seconds for one step: a slow mirror is no fault of the tests
_PACKAGES = "/usr/local/lib/python3.13/dist-packages"  # where Debian's Python looks for what pip installs system-wide

# libcamera alone comes from backports; whatever else is there stays what a plain Debian 13 has.
_PIN = f"Package: libcamera* python3-libcamera libpisp*\nPin: release n={_SUITE}-backports\nPin-Priority: 600\n"

# What needs hardware or the outside only makes a container's start slow, or fail.
_MASKED = (
    "systemd-networkd.service", "systemd-networkd.socket", "systemd-resolved.service", "systemd-udevd.service",
    "console-getty.service", "apt-daily.timer", "apt-daily-upgrade.timer",
)  # fmt: skip  # one word a unit


@dataclass(frozen=True)
class Recipe:
    """Debian packages, packages of PyPI for the system's Python, tools for /opt/venv, and files, by their paths.

    `downloads` are Debian packages that apt has at hand, with all that they need, for it to install without a network.
    `masked` are units that never start; `commands` are run in it at last, by its shell.
    """

    packages: tuple[str, ...]
    python: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    downloads: tuple[str, ...] = ()
    masked: tuple[str, ...] = _MASKED
    commands: tuple[str, ...] = ()


def _checked_with(package: str) -> str:
    """The version that all other tests use."""
    lines = (CHECKOUT / "tests/constraints.txt").read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{package}=="))


_NEEDED = (
    *("fontconfig", "fonts-dejavu-core", "libfribidi0", "libturbojpeg0", "python3-systemd"),
    *("python3-aiohttp", "python3-av", "python3-cryptography", "python3-isal", "python3-msgspec", "python3-numpy"),
    *("python3-pil", "python3-segno", "python3-websockets"),
)
"""Debian's packages that ours needs."""

_BOOTS = ("ca-certificates", "dbus", "libnss-systemd", "procps", "python3", "systemd-sysv")
_RECIPES = {
    "debian": Recipe(_BOOTS),
    "builder": Recipe(
        packages=(
            *_BOOTS,
            *("build-essential", "debhelper", "dh-python", "pybuild-plugin-pyproject", "python3-hatchling"),
            *("python3-msgspec", "lintian", "man-db"),
        ),
    ),
    "offline": Recipe(
        packages=(*_BOOTS, "bash-completion", "udev"),
        downloads=(*_NEEDED, "avahi-daemon", "avahi-utils", "libnss-mdns"),
    ),
    "machine": Recipe(
        packages=(
            *_BOOTS,
            *("linux-image-amd64", "initramfs-tools", "zstd", "udev", "kmod", "iproute2", "e2fsprogs"),
            *("qemu-guest-agent", "systemd-timesyncd", "avahi-daemon", "avahi-utils", "libnss-mdns"),
            # overlayroot's script is none for the shell that an initramfs has without busybox.
            *("overlayroot", "busybox"),
            *_NEEDED,
        ),
        files={
            "/etc/systemd/network/wired.network": "tests/appliance/machine/wired.network",
            "/etc/initramfs-tools/conf.d/machine": "tests/appliance/machine/initramfs.conf",
            "/etc/initramfs-tools/modules": "tests/appliance/machine/initramfs.modules",
        },
        masked=(),
        commands=("systemctl enable systemd-networkd", "update-initramfs -u -k all"),
    ),
    "cloud": Recipe((*_BOOTS, "cloud-init", "netplan.io")),
    "camera": Recipe(
        packages=(
            *_BOOTS,
            *("fontconfig", "fonts-noto-core", "libfribidi0"),
            *("python3-aiohttp", "python3-av", "python3-isal", "python3-msgspec", "python3-numpy", "python3-pil"),
            *("python3-cryptography", "python3-segno", "python3-systemd", "python3-websockets"),
            *("python3-libcamera", "libcamera-ipa", "libcamera-tools"),
            # What picamera2 uses, as far as Debian has it; one part of it, PiDNG, is compiled here.
            *("python3-jsonschema", "python3-libarchive-c", "python3-piexif", "python3-prctl", "python3-tqdm"),
            *("gcc", "libc6-dev", "python3-dev", "python3-pip", "python3-venv"),
        ),
        python=("picamera2==0.3.38", _checked_with("simplejpeg")),
        tools=(_checked_with("pytest"), _checked_with("pytest-asyncio")),
        files={
            f"{_PACKAGES}/pykms.py": "tests/appliance/virtual/pykms.py",
            f"{_PACKAGES}/virtual_camera.py": "tests/appliance/virtual/virtual_camera.py",
            f"{_PACKAGES}/virtual_camera.pth": "tests/appliance/virtual/virtual_camera.pth",
            "/usr/share/libcamera/pipeline/virtual/virtual.yaml": "tests/appliance/virtual/virtual.yaml",
        },
    ),
}


def root(name: str) -> Path:
    """The folder of one of these, built first if it is not there; one process builds, others wait for it.

    Raises KeyError for another name, and RuntimeError with the end of the log when it cannot be built.
    """
    recipe = _RECIPES[name]
    there = CACHE / f"{name}-{_fingerprint(recipe)}"
    if there.exists():
        return there
    CACHE.mkdir(parents=True, exist_ok=True)
    with alone(CACHE / f"{name}.lock"):
        if not there.exists():
            started = time.monotonic()
            part = CACHE / f"{name}.part"
            _remove(part)
            _build(recipe, part, CACHE / f"{name}.log")
            for old in CACHE.glob(f"{name}-*"):
                _remove(old)
            part.rename(there)  # only a whole one has the name under which it is looked for
            with (CACHE / "times").open("a") as times:
                times.write(f"{there.name}: built in {time.monotonic() - started:.0f} s\n")
    return there


def enter(there: Path, *command: str, log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command in a root with the machine's network, and with mounts that end with it."""
    script = (
        'cd "$1"; shift; mount --bind /proc proc; mount -t sysfs sys sys; mount --rbind /dev dev;'
        " mount -t tmpfs tmp tmp; mount -t tmpfs run run;"
        ' touch run/authorities; mount --bind "$1" run/authorities; shift; exec chroot . "$@"'
    )
    authorities = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    passed = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy") or key in _INDEX}
    own = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", **passed}
    if authorities:  # of this machine: behind a proxy of its own, no others would do
        own |= dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE"), "/run/authorities")
    inside = ["unshare", "--mount", "sh", "-euc", script, "sh", str(there), authorities or "/dev/null", *command]
    _logged(inside, log, {**own, **(environment or {})})


_INDEX = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")


def _build(recipe: Recipe, there: Path, log: Path) -> None:
    mirror = _mirror()
    sources = [f"deb {mirror} {suite} main" for suite in (_SUITE, f"{_SUITE}-backports")]
    pin = CACHE / "pin"
    pin.write_text(_PIN)
    log.write_text("")
    _logged(
        [
            *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"),
            *(f"--aptopt={line}" for line in _apt_settings()),
            f'--setup-hook=install -D -m 644 "{pin}" "$1/etc/apt/preferences.d/libcamera"',
            f"--include={','.join(recipe.packages)}",
            *(_SUITE, str(there), *sources),
        ],
        log,
    )
    for unit in recipe.masked:
        (there / "etc/systemd/system" / unit).symlink_to("/dev/null")
    (there / "etc/fstab").write_text("")
    (there / "etc/machine-id").write_text("")  # each container makes one of its own
    if recipe.downloads:
        enter(there, "apt-get", "update", log=log)
        download = ("apt-get", "install", "--yes", "--download-only", "--no-install-recommends")
        enter(there, *download, *recipe.downloads, log=log)
    if recipe.python:
        # As on a Pi: in the system's Python, where the packaged service looks for them.
        pip = ("pip", "install", "--quiet", "--root-user-action=ignore", "--no-cache-dir", "--break-system-packages")
        enter(there, *pip, *recipe.python, log=log)
    if recipe.tools:
        enter(there, "python3", "-m", "venv", "--system-site-packages", "/opt/venv", log=log)
        enter(there, "/opt/venv/bin/pip", "install", "--quiet", "--no-cache-dir", *recipe.tools, log=log)
    for inside, outside in recipe.files.items():
        target = there / inside.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / outside, target)
        target.chmod(0o644)
    for command in recipe.commands:
        enter(there, "sh", "-euc", command, log=log)


def _fingerprint(recipe: Recipe) -> str:
    """Of all that a root is made from, this room's own way of doing it included."""
    digest = hashlib.sha256(repr((recipe.packages, recipe.python, recipe.tools, _SUITE, _PIN, recipe.masked)).encode())
    if recipe.downloads or recipe.commands:
        digest.update(repr((recipe.downloads, recipe.commands)).encode())
    for inside, outside in recipe.files.items():
        digest.update(inside.encode() + b"\0" + (CHECKOUT / outside).read_bytes())
    return digest.hexdigest()[:12]


def _mirror() -> str:
    """Where this machine's apt gets Debian from. Raises RuntimeError where it has never looked."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    found = [line.split()[2] for line in told.splitlines() if line.startswith("Debian Debian ")]
    if not found:
        raise RuntimeError("apt does not say where it gets Debian from; run `apt-get update` once")
    return found[0].rstrip("/")


def _apt_settings() -> Iterator[str]:
    """How this machine's apt reaches its mirror: proxies and what it checks. They stay in the root, for apt there."""
    command = ["apt-config", "dump"]
    for line in subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines():
        if line.startswith(("Acquire::http", "Acquire::https", "Acquire::Check-")) and '""' not in line:
            yield line.rstrip(";")


def _logged(command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    with log.open("a") as file:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment, timeout=_PATIENCE, check=False
        )
    if done.returncode:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise RuntimeError(f"{command[0]} failed, see {log}:\n{end}")


def _remove(there: Path) -> None:
    """Never across a mount that somebody left in it: then it fails, and says where."""
    if there.exists():
        done = subprocess.run(["rm", "-rf", "--one-file-system", str(there)], check=False, timeout=_PATIENCE)  # noqa: S607 - PATH's
        if done.returncode:
            raise RuntimeError(f"{there} cannot be removed; is something mounted in it?")


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """One process at a time is in it; others wait."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    for _each in ("camera", "cloud", "debian", "offline", "builder"):
        root(_each)
