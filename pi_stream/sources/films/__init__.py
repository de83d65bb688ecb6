"""Films: files that libav reads, played in place of a camera."""
