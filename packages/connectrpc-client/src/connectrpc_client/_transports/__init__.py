"""HTTP libraries, each behind the interface of `interface.py`.

`select.py` decides which one a client uses. A library is imported when it is first needed.
"""
