"""Invented teams and players: no city, team or person of the real world."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_TEAM_ID = 1_710_612_701
FIRST_PLAYER_ID = 9_000_001


@dataclass(frozen=True)
class Team:
    """A team's id, three-letter abbreviation, city and nickname."""

    team_id: int
    abbreviation: str
    city: str
    nickname: str

    @property
    def name(self) -> str:
        """City and nickname."""
        return f"{self.city} {self.nickname}"


_TEAMS = """
ALD Alderport Herons|BRW Brackwater Foxes|CNF Cinderford Kilns|DRM Drummond Bay Gulls|EVR Everholt Stags
FLX Flaxmoor Weavers|GRN Grenmouth Lanterns|HLW Hallowick Owls|IRV Irvendale Anvils|JSP Jasperton Miners
KLD Keldmere Otters|LRK Larkhaven Swifts|MRW Marrowgate Wolves|NTH Netherby Thistles|OSK Oskerville Oaks
PNW Pennwhistle Pipers|QRY Quarryfield Rams|RDG Ridgewater Pikes|SLT Saltmarsh Cranes|TNB Tenbridge Masons
ULV Ulverley Comets|VSP Vesperton Ravens|WYC Wychwood Badgers|XAN Xanford Dragoons|YRM Yarmoor Barons
ZEP Zephyr Falls Kites|BLF Bellfounder Chimes|CRG Cragmoor Goats|DNH Dunhollow Bears|FRS Frostwick Lynxes
"""

TEAMS = tuple(
    Team(FIRST_TEAM_ID + index, words[0], " ".join(words[1:-1]), words[-1])
    for index, words in enumerate(text.split() for text in _TEAMS.strip().replace("\n", "|").split("|"))
)
"""The thirty teams a league is drawn from, in order; the first half of a league is its eastern conference."""

_FIRST_TEXT = """
Abren Belo Caddo Davin Emeric Fenn Garro Hale Idris Jorun Kesto Lorne Maro Nevo Orrin Pask Quill Renno Sorrel Tavo
Ulric Vanno Wes Xavo Yorrin Zeph Alto Brio Cass Dorrin Eskel Faro Gant Hollis Ivo Jale Kip Lando Merrit Niles
"""
_BEGINNINGS_TEXT = """
Bran Cald Dor Elm Farn Gris Hald Ing Jarn Kell Lom Marl Nor Ost Pell Quen Rusk Sand Tarn Umber Vell Wick Yarl Zand
"""
_ENDINGS_TEXT = """
ack bury cott dell ering fold gate holm itt kin low mond nash over ridge stow thorpe vane well yard
"""
_FIRST, _LAST_BEGINNINGS, _LAST_ENDINGS = (text.split() for text in (_FIRST_TEXT, _BEGINNINGS_TEXT, _ENDINGS_TEXT))


def player_name(number: int) -> str:
    """The name of the player with this number (0, 1, ...): first names and syllables, no two of 19,200 alike."""
    size = len(_FIRST) * len(_LAST_BEGINNINGS) * len(_LAST_ENDINGS)
    # a step that shares no factor with the size visits every name once, and neighbours look unlike
    position = (number * 7919 + 4321) % size
    position, first = divmod(position, len(_FIRST))
    beginning, ending = divmod(position, len(_LAST_ENDINGS))
    return f"{_FIRST[first]} {_LAST_BEGINNINGS[beginning]}{_LAST_ENDINGS[ending]}"
