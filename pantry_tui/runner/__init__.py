"""The process that does the work: executor, job processes, HTTP API on a Unix socket, audit trail."""
