"""Camera memory: the heaps that a ribbon camera's frames come from, and whether they fit.

picamera2 takes the first of the heaps below. Raspberry Pi OS lets vidbuf_cached stand for the whole memory on a Pi 5,
whose camera hardware has an MMU, and for the contiguous memory (CMA) on all others.
"""

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.device_users import locks
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.system import is_pi

_say = Area("camera memory")

_HEAPS = ("/dev/dma_heap/vidbuf_cached", "/dev/dma_heap/linux,cma")  # picamera2's, best first (its dma_heap.py)
_REQUESTS = 4  # frames that the picamera2 source has under way, each with its raw picture from the sensor
_RAW = 2304 * 1296 * 5 // 4  # bytes: half of the Camera Module 3's sides, 10 bits a pixel; a usual sensor mode
_MIB = 1 << 20
_GIB_KB = 900_000  # kB of MemTotal from which the overlay's larger sizes are allowed ("needs 1GB", less the GPU's part)


def camera_memory(machine: Machine, patient: DoctorContext) -> list[Finding]:
    """The heap, and the contiguous memory: all of it, and what is free."""
    if not patient.wants_pi_camera or not is_pi(machine):
        return [_say.ok("only a camera on a Pi's ribbon needs it")]
    heap = next((path for path in map(machine.path, _HEAPS) if path.exists()), None)
    if heap is None:
        return [
            _say.fault(
                f"there is neither {_HEAPS[0]} nor {_HEAPS[1]}",
                "`sudo apt install raspberrypi-sys-mods`, then `sudo reboot`; the kernel must be Raspberry Pi OS's.",
            )
        ]
    if heap.is_symlink() and heap.readlink().name == "system":
        return [_say.ok(f"{machine.name(heap)}, which is all of the memory")]
    return [_say.ok(machine.name(heap)), _contiguous(machine, patient)]


def _contiguous(machine: Machine, patient: DoctorContext) -> Finding:
    memory = meminfo(machine)
    total, free = memory.get("CmaTotal"), memory.get("CmaFree")
    if total is None or free is None:
        return _say.unknown("the kernel does not say how much contiguous memory (CMA) there is")
    needed = needed_bytes(patient.width, patient.height)
    what = f"{total // 1024} MiB of contiguous memory (CMA), {free // 1024} MiB free"
    smaller = "or choose a smaller camera.width and camera.height"
    if total * 1024 < needed:
        size = 256 if memory.get("MemTotal", 0) >= _GIB_KB else 128
        return _say.fault(
            f"{what}; {patient.width} x {patient.height} takes about {needed // _MIB} MiB",
            f"Write `dtoverlay=vc4-kms-v3d,cma-{size}` in the place of dtoverlay=vc4-kms-v3d in "
            f"/boot/firmware/config.txt, then `sudo reboot`; {smaller}.",
        )
    if free * 1024 < needed and not (patient.holds_camera() or locks(machine)):
        return _say.warning(
            f"{what}; {patient.width} x {patient.height} takes about {needed // _MIB} MiB",
            f"End what uses graphics memory, such as a desktop or a browser; {smaller}.",
        )
    return _say.ok(what)


def needed_bytes(width: int, height: int) -> int:
    """About what the camera's frames take: I420 and one raw picture for each request."""
    return _REQUESTS * (width * height * 3 // 2 + _RAW)


def meminfo(machine: Machine) -> dict[str, int]:
    """/proc/meminfo, whose lines are such as `CmaTotal:  65536 kB`; in kB, which are 1024 bytes here."""
    found = {}
    for line in (machine.text("/proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0])
    return found
