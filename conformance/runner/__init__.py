"""Run the suite: build it, start one program under test after the other, read and report results."""
