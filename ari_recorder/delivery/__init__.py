"""What becomes of recordings once they are kept: they are delivered, and disposed of.

All of it is done in one process beside the recorder's (`process.py`), which the recorder starts, starts again
when it ends, and asks for nothing: what is to be done stands in the store, and what was done, too.
"""
