"""The synthetic picture (the test picture of the docs): for a machine without a camera, and for tests."""
