"""Settings: their types and defaults, how they are read, reloaded, and migrated from earlier names."""
