"""The synthetic picture, for when there is no camera, and for tests."""
