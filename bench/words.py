"""Swedish names and words, of which a catalogue is made."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = _words(
    """
    Anna Åke Lars Karl Eva Maria Erik Nils Sven Birgitta Kristina Margareta Elisabeth Johan Per Olof
    Gunnar Anders Mikael Jan Hans Peter Lennart Fredrik Thomas Daniel Bengt Andreas Marcus Stefan Mats
    Ulf Emma Sara Lena Ida Hanna Malin Jenny Linda Östen Örjan Zoë Yngve Åsa Håkan Märta Göran Björn
    Gösta
    """
)
LAST_NAMES = _words(
    """
    Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson Gustafsson Pettersson
    Jonsson Jansson Hansson Bengtsson Jönsson Lindberg Jakobsson Magnusson Lindström Olofsson Lindqvist
    Lindgren Berg Axelsson Bergström Lundberg Lind Lundgren Lundqvist Mattsson Berglund Fredriksson
    Sandberg Henriksson Ali Forsberg Mohamed Sjöberg Wallin Engström Eklund Danielsson Lundin Håkansson
    Björk Bergman Gunnarsson Wikström Holm Samuelsson Isaksson Fransson Bergqvist Nyström Holmberg
    Arvidsson Löfgren Söderberg Nyberg Åberg Öberg Ek Blomqvist Claesson Nordström Mårtensson Lundström
    Viklund Björklund
    """
)
WORDS = _words(
    """
    kund ring tillbaka order leverans fredag måndag pris offert avtal fråga svar ärende faktura
    betalning försenad klagomål möte bokat adress ändrad uppgift kontakt telefon e-post avbokad
    återkommer skickad returer garanti reparation installation felanmälan abonnemang uppsägning
    förlängning rabatt kampanj besök tekniker onsdag torsdag vecka månad ordernummer kundnummer
    utredning chef samtal missnöjd nöjd återbetalning kreditering avgift påminnelse inkasso delbetalning
    kvitto lager slut restnoterad frakt paket spårning utlämning ombud hämtas sändning skadad saknas fel
    vara byte storlek färg modell
    """
)
SYLLABLES = _words(
    """
    an der son berg lund ström kvist gren holm dal fors bo lin ek sjö vik mar ka li ste ro ta ne sa re
    ko ve til ring bak kund fak tu ra le ver ans av tal ord upp följ ning mö te pris of fert ser vis fel
    mäl skå
    """
)
