"""Bytes under HTTP: connections, their limits, TLS, and what is written past aiohttp."""
