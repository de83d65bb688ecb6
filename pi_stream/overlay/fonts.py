"""Which font has which character: fontconfig's lists of fonts, and a bundled font if there is no fontconfig."""

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
_WAIT_FOR_FONTCONFIG_S = 1.0  # that drawing is delayed at most; a later answer is used when it is there
_MAX_LOGGED_CHARACTERS = 32  # that no font has
_MAX_CACHED_CLUSTERS = 4096


class Fonts:
    """The faces of this machine. fontconfig is asked once for each family, when it is first used.

    Until fontconfig answers, the bundled font is used. Any thread may use it.
    """

    def __init__(self, ask: Ask = ask_fontconfig) -> None:
        self._ask = ask
        self._lists: dict[str, list[Face]] = {}
        self._asked: dict[str, Future[str]] = {}  # patterns that have no list yet
        self._late = 0
        self._found: dict[tuple[str, Family, str], Face] = {}
        self._missing: set[str] = set()  # characters that no font has
        self._logged: set[str] = set()  # those of them that were logged
        self._failed = False
        self._lock = threading.Lock()
        self._bundled = Face(BUNDLED, 0, CodePoints(BUNDLED.with_suffix(".charset.txt").read_text("ascii")))

    @property
    def late(self) -> int:
        """How many answers came after a text was drawn without them. If it changes, texts should be drawn again."""
        if self._asked:
            with self._lock, suppress(OSError):  # no file descriptor is left: the next use asks again
                for pattern in tuple(self._asked):
                    self._list(pattern)
        return self._late

    def faces(self, clusters: list[str], family: Family) -> list[Face]:
        """The face for each cluster of a paragraph.

        Emoji get a coloured font if there is one. Other clusters get the first font in fontconfig's order that has all
        of their characters. A cluster that no font has gets the family's first font, which draws a box, and is logged
        once. Raises OSError if a font cannot be read because no file descriptor or memory is left.
        """
        language = east_asian_language("".join(clusters))
        faces: list[Face] = []
        for cluster in clusters:
            if faces and cluster.isspace() and not faces[-1].coloured:
                faces.append(faces[-1])  # a space has the face of the word before it, so that both are one run
            else:
                faces.append(self._face(cluster, family, language if is_east_asian(cluster) else ""))
        self._log_missing()
        return faces

    def draws(self, text: str, family: Family = "sans") -> bool:
        """Whether fonts have all characters of a text, and coloured fonts its emoji. Nothing is logged."""
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
                if len(self._found) >= _MAX_CACHED_CLUSTERS:
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
        for face in plain:  # a font for the letter, if there is none for its marks too
            if wanted[0] in face.characters and face.opens:
                return face
        if not self._asked:
            self._missing.update(wanted)
        return next(face for face in plain if face.opens)

    def _list(self, pattern: str) -> list[Face]:
        """The faces for a pattern, best first, the bundled one last. Only that one until fontconfig answers."""
        if pattern in self._lists:
            return self._lists[pattern]
        answer = self._asked.get(pattern)
        late = answer is not None
        if answer is None:
            answer = fonts_of(pattern, self._ask)
            if not self._asked:  # else another answer was waited for already
                wait({answer}, timeout=_WAIT_FOR_FONTCONFIG_S)
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
        """The faces of an answer. Empty if fontconfig cannot be asked."""
        try:
            return [face for line in answer.result().splitlines() if (face := _face_from(line))]
        except (OSError, subprocess.SubprocessError) as error:
            if used_up(error):
                raise  # this may pass; fontconfig is asked again
            if not self._failed:
                log.warning(
                    "no answer from fontconfig (%s): captions have only the bundled font, without Japanese and emoji; "
                    "`apt install fontconfig fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji` fixes it",
                    error,
                )
            self._failed = True
            return []

    def _log_missing(self) -> None:
        with self._lock:
            new = sorted(self._missing - self._logged)[: _MAX_LOGGED_CHARACTERS - len(self._logged)]
            self._logged.update(new)
            self._missing.clear()
        if new:
            named = ", ".join(f"U+{ord(each):04X} {unicodedata.name(each, '')}".rstrip() for each in new)
            log.warning("no font has %s: a box is drawn; `apt install fonts-noto` adds most scripts", named)


@cache
def installed() -> Fonts:
    """The fonts of this machine, one object for the whole process."""
    return Fonts()


def _face_from(line: str) -> Face | None:
    path, index, outline, color, characters = line.split("|")
    coloured = color == "True"
    if outline != "True" and not coloured:
        return None  # bitmaps of a fixed size, without colours
    return Face(Path(path), int(index), CodePoints(characters), coloured)
