"""What a backup is on disk: segments, documents, compression, manifest."""
