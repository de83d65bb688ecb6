"""How the service is, in the one line that `systemctl status` shows."""


def status_line(*, name: str, online: bool, resting: bool, fps: float, reason: str | None, viewers: int) -> str:
    """Such as "30 fps from imx708, 3 viewers". `name` is the source's, `reason` why it is away."""
    people = "1 viewer" if viewers == 1 else f"{viewers or 'no'} viewers"
    if resting:
        return f"{name} rests until somebody watches, {people}"
    if not online:
        return f"no picture from {name}, {people}: {reason}"
    if fps == 0:  # the first frame alone is no rate
        return f"{name} is online, {people}"
    return f"{_rate(fps)} fps from {name}, {people}"


def _rate(fps: float) -> str:
    return f"{fps:.0f}" if fps >= 3 else f"{fps:.2g}"
