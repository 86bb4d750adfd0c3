"""Call recording for Asterisk, driven through the Asterisk REST Interface (ARI)."""

__version__ = "0.1.0"
