"""The web server: page, API, pictures and websocket on one port. aiohttp is used here and nowhere else."""
