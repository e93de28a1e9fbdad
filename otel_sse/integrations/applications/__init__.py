"""How a whole application is put behind the middleware: Starlette's stack, and the classes of frameworks."""
