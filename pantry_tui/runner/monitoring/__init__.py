"""Health of a data directory's databases: looked at, judged, kept, and told."""
