"""Encryption of what the vault keeps: the format of a file, and the keys that open it.

Each recording has a key of its own. It is kept in the recording's row, wrapped by a key of the organisation;
that one is kept in the catalogue, too, wrapped by the master key, which is nowhere in it. So each can be
changed without writing audio anew, and a copy of the vault, the catalogue, or both gives nothing away.
"""
