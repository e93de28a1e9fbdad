"""What is wrong with a stream, fault by fault, and the stage that did it."""
