"""Camera controls, checked before the camera gets them: libcamera's own errors come too late, and end the capture."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pi_stream.errors import BadMessage, Unsupported
from pi_stream.lib.validation import quote

_INTEGER_TYPES = {"Byte", "Integer32", "Integer64"}
_NUMBERS_IN = {"Rectangle": 4, "Size": 2}
_AUTOMATIC = {"ExposureTime", "AnalogueGain"}  # 0 gives these back to the camera, by picamera2's rule


@dataclass(frozen=True)
class Control:
    """What one control takes: libcamera's name of its type, how many values (None: one, 0: any number), and bounds."""

    type: str
    count: int | None = None
    low: float = -(2**31)
    high: float = 2**31 - 1

    @classmethod
    def of(cls, identity: Any, info: Any) -> "Control":
        """From libcamera's ControlId and ControlInfo."""
        name = identity.type.name
        count = None
        # Only newer versions of libcamera say which controls are arrays; with older ones, the default value shows it.
        if getattr(identity, "isArray", isinstance(info.default, tuple | list)):
            size = getattr(identity, "size", 0)
            count = size if 0 < size < 1000 else 0  # a size of any number is the largest there is
        if not isinstance(info.min, int | float) or not isinstance(info.max, int | float):
            return cls(name, count)
        return cls(name, count, min(info.min, 0) if identity.name in _AUTOMATIC else info.min, info.max)


def checked(controls: Mapping[str, object], known: Mapping[str, Control]) -> dict[str, object]:
    """The same controls, lists as tuples. Raises Unsupported for an unknown name, BadMessage for a wrong value."""
    if not controls:
        raise BadMessage("controls: expected at least one control, got none")
    return {name: _value(name, value, known) for name, value in controls.items()}


def _value(name: str, value: object, known: Mapping[str, Control]) -> object:
    control = known.get(name)
    if control is None:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise Unsupported(f"controls.{name}: this camera has no such control{hint}")
    values = _several(name, value, control.count) if control.count is not None else [value]
    taken = [_one(name, each, control) for each in values]
    return tuple(taken) if control.count is not None else taken[0]


def _several(name: str, value: object, count: int) -> list[object]:
    if not isinstance(value, list | tuple) or (count and len(value) != count) or not value:
        raise BadMessage(f"controls.{name}: expected a list of {count or 'some'} values, got {quote(value)}")
    return list(value)


def _one(name: str, value: object, control: Control) -> object:
    if control.type in _INTEGER_TYPES or control.type == "Float":
        return _number(name, value, control)
    if control.type in _NUMBERS_IN:
        numbers = _several(name, value, _NUMBERS_IN[control.type])
        return tuple(_number(name, number, Control("Integer32")) for number in numbers)
    if control.type == "Bool":
        if not isinstance(value, bool):
            raise BadMessage(f"controls.{name}: expected true or false, got {quote(value)}")
    elif control.type == "String":
        if not isinstance(value, str):
            raise BadMessage(f"controls.{name}: expected a text, got {quote(value)}")
    else:
        raise Unsupported(f"controls.{name}: values of the type {control.type} cannot be set")
    return value


def _number(name: str, value: object, control: Control) -> int | float:
    kinds = (int,) if control.type in _INTEGER_TYPES else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not control.low <= value <= control.high:
        noun = "a number" if control.type == "Float" else "a whole number"
        low, high = (f"{bound:g}" if isinstance(bound, float) else bound for bound in (control.low, control.high))
        raise BadMessage(f"controls.{name}: expected {noun} from {low} to {high}, got {quote(value)}")
    return value
