"""A private PostgreSQL with a believable sample database, to try everything on."""
