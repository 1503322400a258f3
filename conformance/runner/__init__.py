"""Build the suite, run it against one program after the other, and report the results."""
