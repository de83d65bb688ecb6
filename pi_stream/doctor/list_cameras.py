"""A program that `pi_cameras.py` runs: prints libcamera's version and its cameras as one line of JSON.

It is a process of its own because libcamera can hang in a driver, and a process can be killed; and because libcamera
keeps devices open. It is run by its path, so it imports nothing of pi-stream.
"""

import json
import sys
from typing import Any


def _listing() -> dict[str, Any]:
    try:
        import libcamera
    except ImportError as error:
        return {"missing": str(error)}
    manager = libcamera.CameraManager.singleton()
    cameras = []
    for camera in manager.cameras:
        properties = {key.name: value for key, value in camera.properties.items()}
        cameras.append({"id": camera.id, "model": str(properties.get("Model", camera.id))})
    return {"version": str(manager.version), "cameras": cameras}


if __name__ == "__main__":
    json.dump(_listing(), sys.stdout)
