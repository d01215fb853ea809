"""Whether a clip may be mirrored without making its caption a lie.

Mirrored writing is not writing, and mirrored left is right.  When in doubt a
clip is not mirrored: that costs a little variety and no truth.
"""

import re

# Sides, turns, and all that carries writing.
_ENGLISH = """
  left right leftward rightward leftwards rightwards lefthand righthand
  clockwise anticlockwise counterclockwise east west eastern western eastward
  westward port starboard text texts word words letter letters alphabet number
  numbers digit digits sign signs signage says reads reading read written
  writes writing write handwriting spells spelling caption captions subtitle
  subtitles title titles logo logos label labels poster posters banner banners
  billboard billboards newspaper headline headlines book books page pages menu
  screen keyboard clock clocks watch map maps flag flags plate numberplate
  scoreboard jersey graffiti calligraphy typography font
"""
_OTHER = """
  links rechts linke linken linker rechte rechten rechter gauche droite droit
  izquierda izquierdo derecha derecho sinistra sinistro destra destro esquerda
  esquerdo direita direito venster höger
"""
_WORDS = frozenset((_ENGLISH + _OTHER).split())
_SCRIPTS = frozenset("左右字向文")  # written without spaces between words
_QUOTES = '["\u00ab\u00bb\u201c\u201d\u201e]'  # " and its curved relatives
# 'so', but not the apostrophe of don't
_SINGLE = r"(?<!\w)['\u2018].+?['\u2019](?!\w)"
_QUOTED = re.compile(f"{_QUOTES}|{_SINGLE}")
_WORD = re.compile(r"[^\W\d_]+")


def may_flip(caption: str) -> bool:
  """Whether the caption still holds for the mirrored clip."""
  caption = caption.lower()
  if _QUOTED.search(caption) or not _SCRIPTS.isdisjoint(caption):
    return False
  return _WORDS.isdisjoint(_WORD.findall(caption))
