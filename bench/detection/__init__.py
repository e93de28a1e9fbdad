"""How well faults are found: every fault of the catalogue, put into recorded answers at random, and found or not."""
