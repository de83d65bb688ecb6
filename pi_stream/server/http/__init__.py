"""HTTP endpoints: page files, API, snapshots, MJPEG, login, certificate."""
