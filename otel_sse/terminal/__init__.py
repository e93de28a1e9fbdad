"""What every command writes to a terminal with: escaping, tables, times, the screen."""
