"""The pages of administration: who is recorded, how, and what came of it.

``sections`` is the one table of places, from which the menu and the sub-navigation are made. Every page is a
plain form that works without scripts, and changes things by the functions of the store that the API and the
command line use.
"""
