"""What to do, decided without I/O, clock or logging.

`table` holds the recording modes as one table and `decide()`; `ledger` says how a call's line in the
ledger ends. Handlers load, ask here, save, and act.
"""
