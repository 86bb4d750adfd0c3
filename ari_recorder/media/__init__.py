"""From the spool's mono WAV files to one two-channel recording.

::

    segments ─► sources (what is really in each file) ─► cuts (what of it is kept)
             ─► plan (who is silent when, in samples)
             ─► blocks (one second at a time) ─┬─► encoders  Opus · FLAC · WAV
                                               └─► levels    waveform, loudness

The file is a step on the way: its hash is compared with what reaches the vault, and it is made again
if a crash leaves half of it. Nothing here knows a network, a database or a clock. Left is the recorded
user, right the counterpart.
"""
