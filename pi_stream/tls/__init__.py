"""TLS: the certificate that the service shows, made here or read from files, and whom a viewer trusts.

The `cryptography` library lives here and nowhere else.
"""
