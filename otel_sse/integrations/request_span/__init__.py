"""The request's SERVER span where nobody else makes it: contrib's middleware, kept beside the application."""
