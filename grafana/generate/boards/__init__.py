"""The dashboards, one module each with a function `build`."""
