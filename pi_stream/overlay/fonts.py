"""Which font has which character: fontconfig's answers, and a font of our own for when there is no fontconfig."""

import logging
import subprocess
import threading
import unicodedata
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import cache
from pathlib import Path

from pi_stream.captions.caption import Family
from pi_stream.errors import used_up
from pi_stream.overlay.clusters import CodePoints, clusters, east_asian_language, is_east_asian, is_emoji, needed
from pi_stream.overlay.face import Face
from pi_stream.overlay.fontconfig import Ask, ask_fontconfig, fonts_of

log = logging.getLogger(__name__)

BUNDLED = Path(__file__).parent / "font_files" / "DejaVuSans.ttf"

_GENERIC: dict[Family, str] = {"sans": "sans-serif", "serif": "serif", "mono": "monospace"}
_BRIEFLY = 1.0  # seconds that whoever draws waits for fontconfig; what comes later is taken when it is there
_TOLD = 32  # characters without a font that the log hears of
_REMEMBERED = 4096  # clusters whose face is remembered


class Fonts:
    """The faces of this machine. fontconfig is asked at the first use of a family, and not again once it answered.

    Until it answers, the bundled font serves.
    """

    def __init__(self, ask: Ask = ask_fontconfig) -> None:
        self._ask = ask
        self._lists: dict[str, list[Face]] = {}
        self._asked: dict[str, Future[str]] = {}  # what has no list yet
        self._late = 0
        self._found: dict[tuple[str, Family, str], Face] = {}
        self._missing: set[str] = set()  # no font has them
        self._told: set[str] = set()  # and the log has said so
        self._failed = False
        self._lock = threading.Lock()
        self._bundled = Face(BUNDLED, 0, CodePoints(BUNDLED.with_suffix(".charset.txt").read_text("ascii")))

    @property
    def late(self) -> int:
        """How many answers came too late for whoever asked: what was drawn before may be drawn better since."""
        if self._asked:
            with self._lock, suppress(OSError):  # nothing is left to read it with: it is asked again by the next use
                for pattern in tuple(self._asked):
                    self._list(pattern)
        return self._late

    def faces(self, clusters: list[str], family: Family) -> list[Face]:
        """The face for each cluster of a paragraph.

        Emoji are coloured where a font has them so; for the rest, the first font in fontconfig's order that has all
        of the cluster. What no font has is drawn by the family's first font, whose box stands for it, and named in
        the log once.
        """
        language = east_asian_language("".join(clusters))
        faces: list[Face] = []
        for cluster in clusters:
            if faces and cluster.isspace() and not faces[-1].coloured:
                faces.append(faces[-1])  # a space belongs to the word before it, so that a run is not cut in two
            else:
                faces.append(self._face(cluster, family, language if is_east_asian(cluster) else ""))
        self._tell()
        return faces

    def draws(self, text: str, family: Family = "sans") -> bool:
        """Whether every character of a text has a font, and every emoji a coloured one. The log hears nothing of it."""
        with self._lock:
            return all(self._draws(cluster, family) for cluster in clusters(text))

    def _draws(self, cluster: str, family: Family) -> bool:
        if is_emoji(cluster):
            faces = [face for face in self._list("emoji") if face.coloured]
        else:
            faces = self._list(_GENERIC[family])
        wanted = needed(cluster)
        return any(all(each in face.characters for each in wanted) and face.opens for face in faces)

    def _face(self, cluster: str, family: Family, language: str) -> Face:
        key = (cluster, family, language)
        with self._lock:
            face = self._found.get(key)
            if face is None:
                if len(self._found) >= _REMEMBERED:
                    self._found.clear()
                face = self._found[key] = self._choose(*key)
        return face

    def _choose(self, cluster: str, family: Family, language: str) -> Face:
        pattern = _GENERIC[family] + (f":lang={language}" if language else "")
        plain = self._list(pattern)
        coloured = [face for face in self._list("emoji") if face.coloured]
        wanted = needed(cluster)
        for face in [*coloured, *plain] if is_emoji(cluster) else [*plain, *coloured]:
            if all(each in face.characters for each in wanted) and face.opens:
                return face
        for face in plain:  # a font for the letter at least, if not for all that stands above and below it
            if wanted[0] in face.characters and face.opens:
                return face
        if not self._asked:
            self._missing.update(wanted)
        return next(face for face in plain if face.opens)

    def _list(self, pattern: str) -> list[Face]:
        """The faces for a pattern, best first, the bundled one last; that alone while there is no answer."""
        if pattern in self._lists:
            return self._lists[pattern]
        answer = self._asked.get(pattern)
        late = answer is not None
        if answer is None:
            answer = fonts_of(pattern, self._ask)
            if not self._asked:  # else it was waited for long enough
                wait({answer}, timeout=_BRIEFLY)
        if not answer.done():
            self._asked[pattern] = answer
            return [self._bundled]
        self._asked.pop(pattern, None)
        if late:
            self._late += 1
            self._found.clear()
        self._lists[pattern] = [*self._faces_in(answer), self._bundled]
        return self._lists[pattern]

    def _faces_in(self, answer: Future[str]) -> list[Face]:
        """Those of an answer, which are none where fontconfig cannot be asked."""
        try:
            return [face for line in answer.result().splitlines() if (face := _face_from(line))]
        except (OSError, subprocess.SubprocessError) as error:
            if used_up(error):
                raise  # it may be there, and is asked again
            if not self._failed:
                log.warning(
                    "no answer from fontconfig (%s): captions have the bundled font alone, no Japanese, no emoji; "
                    "`apt install fontconfig fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji` mends it",
                    error,
                )
            self._failed = True
            return []

    def _tell(self) -> None:
        with self._lock:
            new = sorted(self._missing - self._told)[: _TOLD - len(self._told)]
            self._told.update(new)
            self._missing.clear()
        if new:
            named = ", ".join(f"U+{ord(each):04X} {unicodedata.name(each, '')}".rstrip() for each in new)
            log.warning("no font has %s: a box is drawn; `apt install fonts-noto` has most scripts", named)


@cache
def installed() -> Fonts:
    """The fonts of this machine, asked for once for the whole process."""
    return Fonts()


def _face_from(line: str) -> Face | None:
    path, index, outline, color, characters = line.split("|")
    coloured = color == "True"
    if outline != "True" and not coloured:
        return None  # fixed sizes and one bit a pixel, from the days of X terminals
    return Face(Path(path), int(index), CodePoints(characters), coloured)
