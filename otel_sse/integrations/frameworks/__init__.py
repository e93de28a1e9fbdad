"""The stage `emit`: what the application's iterator yields to a streaming response. Imports no framework."""
