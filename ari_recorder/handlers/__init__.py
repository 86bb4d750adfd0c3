"""Loads, decides, saves, acts: from Asterisk's events to recordings, one module a subject."""
