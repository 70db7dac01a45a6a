"""Repositories in object stores, by obstore; imported only where one is used."""
