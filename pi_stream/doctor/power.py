"""Power and heat: what the Pi's firmware says of its supply, and how hot the processor is."""

from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.system import is_pi

_power, _heat = Area("power"), Area("temperature")

# get_throttled's bits, as Raspberry Pi documents `vcgencmd get_throttled`: 0 to 3 are now, 16 to 19 since the start.
_LOW, _CAPPED, _THROTTLED, _HOT = 1, 2, 4, 8
_SINCE = 16
# The firmware's driver writes the bits in hexadecimal; where it lies depends on the device tree.
_FILES = ("/sys/devices/platform/soc/soc:firmware/get_throttled", "/sys/devices/platform/*/*:firmware/get_throttled")
_WARM, _BOILING = 70.0, 80.0  # degrees Celsius; from 80 on every Pi slows itself down
_SUPPLY = "Use Raspberry Pi's own power supply, with its own cable."
_COOLER = "Give it air, a heat sink or a fan."


def power(machine: Machine) -> list[Finding]:
    """Under-voltage and throttling, now and since the start."""
    bits = _bits(machine)
    if bits is None:
        return [_voltage(machine)]
    now, since = bits & 0xF, bits >> _SINCE
    if now & _LOW:
        return [_power.warning("the voltage is too low now; the camera or the card may fail", _SUPPLY)]
    if now & (_CAPPED | _THROTTLED | _HOT):
        return [_power.warning("the processor is slowed down now, because of heat", _COOLER)]
    if since & _LOW:
        return [_power.warning("the voltage was too low since the Pi was started", _SUPPLY)]
    if since & (_CAPPED | _THROTTLED | _HOT):
        return [_power.warning("the processor was slowed down since the Pi was started, because of heat", _COOLER)]
    return [_power.ok("enough, and nothing was ever slowed down since the start")]


def temperature(machine: Machine) -> list[Finding]:
    """Of the processor."""
    thousandths = machine.number("/sys/class/thermal/thermal_zone0/temp")
    if thousandths is None:
        return [_heat.ok("this machine has no such sensor")]
    degrees = thousandths / 1000
    what = f"{degrees:.0f} °C"
    if degrees >= _BOILING:
        return [_heat.warning(f"{what}, at which it slows itself down", _COOLER)]
    return [_heat.warning(f"{what}, which is warm", _COOLER) if degrees >= _WARM else _heat.ok(what)]


def _bits(machine: Machine) -> int | None:
    for pattern in _FILES:
        for path in machine.paths(pattern):
            return machine.number(path, 16)
    if not is_pi(machine):
        return None
    answer = machine.ask("vcgencmd", "get_throttled")  # throttled=0x50005
    return None if answer is None else int(answer.partition("=")[2], 16)


def _voltage(machine: Machine) -> Finding:
    """What the kernel's own watch on the supply says: it raised its alarm, or not."""
    for name in machine.paths("/sys/class/hwmon/hwmon*/name"):
        if machine.text(name) == "rpi_volt":
            alarm = machine.number(name.with_name("in0_lcrit_alarm")) == 1
            return _power.warning("the voltage was too low", _SUPPLY) if alarm else _power.ok("the voltage is right")
    if is_pi(machine):
        return _power.unknown("the firmware does not say")
    return _power.ok("no Raspberry Pi, so there is nothing to look at")
