"""Our Debian package, built from this checkout by Debian's own tools in the root "builder"."""

import hashlib
import shutil
from functools import cache
from pathlib import Path

from pi_stream import __version__
from tests.appliance.container import INSIDE, Container
from tests.appliance.roots import CACHE, CHECKOUT, alone, root

_FOLDERS = ("pi_stream", "www", "deploy", "docs", "examples")
_FILES = ("config.toml", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE")
_KEPT = 4  # states of the tree whose packages are kept: checkouts may share the folder
_PATIENCE = 300.0  # seconds; five are usual


@cache
def deb(version: str = __version__) -> Path:
    """`pi-stream_VERSION_all.deb`; another version than this checkout's is made of the same tree.

    Built once for each state of the tree, and kept where the roots are. Raises CommandFailed with what the tools said.
    """
    kept = CACHE / f"package-{_fingerprint()}"
    there = kept / f"pi-stream_{version}_all.deb"
    CACHE.mkdir(parents=True, exist_ok=True)
    with alone(CACHE / "package.lock"):  # one of pytest's workers builds it, others wait for it
        return there if there.exists() else _built(there, version)


def _built(there: Path, version: str) -> Path:
    with Container(root("builder")) as builder:
        builder.run("mkdir", "/srv/tree")
        builder.run("cp", "-r", *(f"{INSIDE}/{each}" for each in (*_FOLDERS, *_FILES)), "/srv/tree")
        if version != __version__:
            builder.run(
                "sed", "-i", f's/^__version__ = .*/__version__ = "{version}"/', "/srv/tree/pi_stream/__init__.py"
            )
            builder.run("sed", "-i", f"1s/(.*)/({version})/", "/srv/tree/deploy/debian/changelog")
        builder.run("chown", "-R", "nobody", "/srv")
        builder.run("/srv/tree/deploy/build-deb", "/srv", user="nobody", timeout=_PATIENCE)  # it needs no root
        built = builder.call("cat", f"/srv/{there.name}")
        assert built.returncode == 0, built.stderr.decode()
    there.parent.mkdir(exist_ok=True)
    for old in sorted(CACHE.glob("package-*"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(old)
    part = there.with_suffix(".part")
    part.write_bytes(built.stdout)
    part.rename(there)  # only a whole one has the name under which it is looked for
    return there


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(
        path for each in _FOLDERS for path in (CHECKOUT / each).rglob("*") if path.is_file() and path.suffix != ".pyc"
    ) + [CHECKOUT / each for each in _FILES]:
        digest.update(f"{path.relative_to(CHECKOUT)} {path.stat().st_mode}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
