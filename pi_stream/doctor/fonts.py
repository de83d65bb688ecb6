"""Fonts: whether captions can be drawn in eleven scripts."""

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding

_area = Area("fonts")

# A script, a text in it, and the Debian package with a font for it.
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


def check_fonts(context: DoctorContext) -> list[Finding]:
    """Check which scripts have a font, and whether there is the library for scripts that run right to left."""
    supported = [script for script, text, _ in _SCRIPTS if context.has_font_for(text)]
    missing = [(script, package) for script, _, package in _SCRIPTS if script not in supported]
    findings = [_area.ok(f"captions have fonts for {_listed(supported)}")] if supported else []
    if missing:
        packages = " ".join(dict.fromkeys(["fontconfig", *(package for _, package in missing)]))
        scripts = _listed([script for script, _ in missing])
        fix = f"`sudo apt install {packages}`, then restart pi-stream."
        finding = _area.fault if "Latin" not in supported else _area.warning
        findings.append(finding(f"no font for {scripts}: captions show boxes for their characters", fix))
    if not context.has_bidi():
        what = "libfribidi is missing: Arabic and Hebrew captions are drawn backwards, with unjoined letters"
        findings.append(_area.warning(what, "`sudo apt install libfribidi0`, then restart pi-stream."))
    return findings


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
