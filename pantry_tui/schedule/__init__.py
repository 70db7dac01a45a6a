"""When things are to be done: cron expressions, their words, their moments in a time zone, and what becomes of missed ones.

Pure functions of moments: nothing here knows the runner, the catalog, or what time it is.
"""
