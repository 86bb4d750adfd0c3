"""Measurements on a real Asterisk, each beside its peer in the same run (`make bench`)."""
