"""What a request may do: host and origin checks, rights, sessions, response headers."""
