"""A real Asterisk and real phones on one machine, for the demo, the tests and the benchmarks."""

from lab.asterisk import LabAsterisk
from lab.call import PhoneCall
from lab.errors import LabError, LabTimeout
from lab.lab import Lab
from lab.phones import Phone

__all__ = ["Lab", "LabAsterisk", "LabError", "LabTimeout", "Phone", "PhoneCall"]
