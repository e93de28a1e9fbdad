"""Iterators that are watched or filtered: the very same objects come out. What guards and integrations share."""
