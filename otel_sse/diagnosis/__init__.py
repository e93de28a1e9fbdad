"""What happened in a recorded trace, and which stage did it: faults, verdict, matrix, the path of one chunk. Pure."""
