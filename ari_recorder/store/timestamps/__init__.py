"""Time stamps of the evidence (RFC 3161): an authority outside says when a signed head was there already.

What is stamped is a head with its signature (`stamped`). Asking for a stamp over the network is for
`ari_recorder.delivery.stamping`; here is what a stamp is, whose it is, and how it is kept and checked.
"""
