"""Fonts: whether captions can be drawn in the scripts that people write."""

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding

_say = Area("fonts")

# Script, a text in it, and Debian's package with a font for it.
_SCRIPTS = (
    ("Latin", "Ägå", "fonts-noto-core"),
    ("Cyrillic", "Яж", "fonts-noto-core"),
    ("Greek", "Ωλ", "fonts-noto-core"),
    ("Arabic", "عربي", "fonts-noto-core"),
    ("Hebrew", "עב", "fonts-noto-core"),
    ("Devanagari", "हिन्दी", "fonts-noto-core"),
    ("Thai", "ไทย", "fonts-noto-core"),
    ("Chinese", "汉漢", "fonts-noto-cjk"),
    ("Japanese", "あア", "fonts-noto-cjk"),
    ("Korean", "한글", "fonts-noto-cjk"),
    ("emoji", "😀", "fonts-noto-color-emoji"),
)


def fonts(patient: DoctorContext) -> list[Finding]:
    """The scripts that have a font, those that have none, and the library for those that run right to left."""
    drawn = [script for script, text, _ in _SCRIPTS if patient.draws(text)]
    missing = [(script, package) for script, _, package in _SCRIPTS if script not in drawn]
    findings = [_say.ok(f"captions have fonts for {_listed(drawn)}")] if drawn else []
    if missing:
        packages = " ".join(dict.fromkeys(["fontconfig", *(package for _, package in missing)]))
        scripts = _listed([script for script, _ in missing])
        fix = f"`sudo apt install {packages}`, then start pi-stream again."
        say = _say.fault if "Latin" not in drawn else _say.warning
        findings.append(say(f"no font for {scripts}: captions in these are boxes", fix))
    if not patient.shapes():
        what = "libfribidi is missing: Arabic and Hebrew captions read backwards and unjoined"
        findings.append(_say.warning(what, "`sudo apt install libfribidi0`, then start pi-stream again."))
    return findings


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
