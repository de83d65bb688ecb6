"""A program, run by `cameras.py`: prints what libcamera says of itself and of its cameras, as one line of JSON.

It is a process of its own because libcamera can hang in a driver, and a process can be ended; and because libcamera
keeps what it once opened. Run by its path, so it imports nothing of pi-stream.
"""

import json
import sys
from typing import Any


def _told() -> dict[str, Any]:
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
    json.dump(_told(), sys.stdout)
