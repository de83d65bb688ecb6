"""TLS: the service's certificate, self-signed or read from files, and what a viewer trusts.

Only this folder uses the `cryptography` library.
"""
