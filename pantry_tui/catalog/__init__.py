"""The TinyDB catalog, a cache of the repositories' manifests, and its crash-safe storage."""
