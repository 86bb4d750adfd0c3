"""The checks behind ``ari-recorder doctor``: what stands in the way of recording, and what to do about it.

Nothing here changes anything: a catalogue or folder that is missing is not made, a recorder that runs is not
disturbed, and the one file put into Asterisk's recording folder is taken out again. Every part has its time
limit, so that `examining.examine` ends within `examining.LIMIT_S` whatever does not answer.
"""
