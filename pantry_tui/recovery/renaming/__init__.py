"""A backup's schemas restored under other names: in a new database, or beside what is in use.

No statement's text is rewritten. The backup is restored as it is into a working database, whose server renames the schemas:
keys, defaults, views, policies and triggers follow, because they refer to oids. What the server keeps as text, it does not
follow: bodies of functions and settings are looked through, and told by name.
"""
