"""The Raspberry Pi's own cameras, by libcamera and picamera2."""
