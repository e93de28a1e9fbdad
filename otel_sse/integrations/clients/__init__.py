"""Stages `provider` and `client`: event streams that are read with an HTTP client. Importing this imports no client."""
