"""Power and temperature: under-voltage and throttling, as the Pi's firmware reports them, and the processor's heat."""

from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.system import is_pi

_power, _temperature = Area("power"), Area("temperature")

# get_throttled's bits, as Raspberry Pi documents `vcgencmd get_throttled`: 0 to 3: now, 16 to 19: since boot.
_LOW, _CAPPED, _THROTTLED, _HOT = 1, 2, 4, 8
_SINCE_BOOT_SHIFT = 16
# The firmware's driver writes the bits in hexadecimal; its path depends on the device tree.
_FILES = ("/sys/devices/platform/soc/soc:firmware/get_throttled", "/sys/devices/platform/*/*:firmware/get_throttled")
_WARM_C, _THROTTLED_C = 70.0, 80.0  # every Pi throttles itself from 80 degrees Celsius up
_SUPPLY = "Use Raspberry Pi's own power supply, with its own cable."
_COOLER = "Improve the air flow, or add a heat sink or a fan."


def check_power(machine: Machine) -> list[Finding]:
    """Check for under-voltage and throttling, now and since boot."""
    bits = _bits(machine)
    if bits is None:
        return [_check_supply_alarm(machine)]
    now, since = bits & 0xF, bits >> _SINCE_BOOT_SHIFT
    if now & _LOW:
        return [_power.warning("the voltage is too low now; the camera or the card may fail", _SUPPLY)]
    if now & (_CAPPED | _THROTTLED | _HOT):
        return [_power.warning("the processor is throttled now, because of heat", _COOLER)]
    if since & _LOW:
        return [_power.warning("the voltage was too low at some time since boot", _SUPPLY)]
    if since & (_CAPPED | _THROTTLED | _HOT):
        return [_power.warning("the processor was throttled since boot, because of heat", _COOLER)]
    return [_power.ok("enough; no under-voltage and no throttling since boot")]


def check_temperature(machine: Machine) -> list[Finding]:
    """Check the temperature of the processor."""
    thousandths = machine.number("/sys/class/thermal/thermal_zone0/temp")
    if thousandths is None:
        return [_temperature.ok("this machine has no temperature sensor")]
    degrees = thousandths / 1000
    what = f"{degrees:.0f} °C"
    if degrees >= _THROTTLED_C:
        return [_temperature.warning(f"{what}, at which the processor throttles itself", _COOLER)]
    return [_temperature.warning(f"{what}, which is warm", _COOLER) if degrees >= _WARM_C else _temperature.ok(what)]


def _bits(machine: Machine) -> int | None:
    for pattern in _FILES:
        for path in machine.paths(pattern):
            return machine.number(path, 16)
    if not is_pi(machine):
        return None
    output = machine.run("vcgencmd", "get_throttled")  # throttled=0x50005
    return None if output is None else int(output.partition("=")[2], 16)


def _check_supply_alarm(machine: Machine) -> Finding:
    """Check the alarm of the kernel's own supply monitor."""
    for name in machine.paths("/sys/class/hwmon/hwmon*/name"):
        if machine.text(name) == "rpi_volt":
            alarm = machine.number(name.with_name("in0_lcrit_alarm")) == 1
            return _power.warning("the voltage was too low", _SUPPLY) if alarm else _power.ok("the voltage is right")
    if is_pi(machine):
        return _power.unknown("the firmware does not report it")
    return _power.ok("this is no Raspberry Pi, so there is nothing to check")
