"""The line that `systemctl status` shows."""


def status_line(*, name: str, online: bool, resting: bool, fps: float, reason: str | None, viewers: int) -> str:
    """Such as "30 fps from imx708, 3 viewers". `name` is the source's, `reason` says why it is offline."""
    watching = "1 viewer" if viewers == 1 else f"{viewers or 'no'} viewers"
    if resting:
        return f"{name} rests until a viewer connects, {watching}"
    if not online:
        return f"no picture from {name}, {watching}: {reason}"
    if fps == 0:  # one frame alone is no rate
        return f"{name} is online, {watching}"
    return f"{_rate(fps)} fps from {name}, {watching}"


def _rate(fps: float) -> str:
    return f"{fps:.0f}" if fps >= 3 else f"{fps:.2g}"
