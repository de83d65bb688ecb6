"""Camera memory: the heap that frames of Pi cameras are allocated from, and whether they fit.

picamera2 takes the first of the heaps below that exists. On Raspberry Pi OS vidbuf_cached is a link: on a Pi 5, whose
camera hardware has an MMU, to all of the memory, and on other boards to the contiguous memory (CMA).
"""

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.device_users import locking_processes
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.system import is_pi

_area = Area("camera memory")

_HEAPS = ("/dev/dma_heap/vidbuf_cached", "/dev/dma_heap/linux,cma")  # picamera2's, best first (its dma_heap.py)
_REQUESTS = 4  # frames that the picamera2 source has under way, each with its raw picture from the sensor
_RAW_BYTES = 2304 * 1296 * 5 // 4  # half of the Camera Module 3's sides, 10 bits a pixel; a usual sensor mode
_MIB = 1 << 20
_LARGE_CMA_KB = 900_000  # MemTotal from which the overlay allows larger sizes ("needs 1GB", less the GPU's part)


def check_camera_memory(machine: Machine, context: DoctorContext) -> list[Finding]:
    """Check the heap, and, if it is contiguous memory, how much there is and how much is free."""
    if not context.wants_pi_camera or not is_pi(machine):
        return [_area.ok("only Pi cameras need it")]
    heap = next((path for path in map(machine.path, _HEAPS) if path.exists()), None)
    if heap is None:
        return [
            _area.fault(
                f"neither {_HEAPS[0]} nor {_HEAPS[1]} exists",
                "`sudo apt install raspberrypi-sys-mods`, then `sudo reboot`. Use the kernel of Raspberry Pi OS.",
            )
        ]
    if heap.is_symlink() and heap.readlink().name == "system":
        return [_area.ok(f"{machine.name(heap)}, which is all of the memory")]
    return [_area.ok(machine.name(heap)), _check_contiguous(machine, context)]


def _check_contiguous(machine: Machine, context: DoctorContext) -> Finding:
    memory = meminfo_kb(machine)
    total, free = memory.get("CmaTotal"), memory.get("CmaFree")
    if total is None or free is None:
        return _area.unknown("the kernel does not report the size of the contiguous memory (CMA)")
    cameras = [camera for camera in context.cameras if camera.wants_pi_camera]
    needed = sum(needed_bytes(camera.width, camera.height) for camera in cameras)
    sizes = " and ".join(context.about(camera, f"{camera.width} x {camera.height}") for camera in cameras)
    need = f"{sizes} {'needs' if len(cameras) == 1 else 'need'} about {needed // _MIB} MiB"
    what = f"{total // 1024} MiB of contiguous memory (CMA), {free // 1024} MiB free"
    smaller = "or set a smaller camera.width and camera.height"
    if total * 1024 < needed:
        size = 256 if memory.get("MemTotal", 0) >= _LARGE_CMA_KB else 128
        return _area.fault(
            f"{what}; {need}",
            f"In /boot/firmware/config.txt, replace dtoverlay=vc4-kms-v3d by `dtoverlay=vc4-kms-v3d,cma-{size}`, "
            f"then `sudo reboot`; {smaller}.",
        )
    if free * 1024 < needed and not (context.holds_camera() or locking_processes(machine)):
        return _area.warning(
            f"{what}; {need}",
            f"Stop programs that use graphics memory, such as a desktop or a browser; {smaller}.",
        )
    return _area.ok(what)


def needed_bytes(width: int, height: int) -> int:
    """Estimate the bytes that one camera's frames take: an I420 picture and a raw picture for each request."""
    return _REQUESTS * (width * height * 3 // 2 + _RAW_BYTES)


def meminfo_kb(machine: Machine) -> dict[str, int]:
    """Read /proc/meminfo, whose lines are such as `CmaTotal:  65536 kB`; values in kB, which are 1024 bytes here."""
    found = {}
    for line in (machine.text("/proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0])
    return found
