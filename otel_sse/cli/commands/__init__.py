"""The commands, one a module: its function `command` is the command, its name the module's with `-` for `_`."""
