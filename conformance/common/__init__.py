"""The parts that clients and servers under test share."""
