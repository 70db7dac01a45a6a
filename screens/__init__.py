"""The terminal application's screens, one module each."""
