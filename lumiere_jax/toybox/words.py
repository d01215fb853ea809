"""What things may be called: the attributes of the world and their synonyms.

The first word of each tuple is the plain one.  Every synonym is used of one
value of one attribute alone, so that a caption can be read back.
"""

SHAPES = {
  "ball": ("ball", "sphere", "globe"),
  "cube": ("cube", "box", "block"),
  "cylinder": ("cylinder", "drum", "can"),
  "cone": ("cone", "pointed cone"),
  "ring": ("ring", "torus", "donut"),
  "star": ("star", "five-pointed star"),
  "diamond": ("diamond", "gem", "octahedron"),
}
COLORS = {
  "red": ("red", "scarlet"),
  "orange": ("orange",),
  "yellow": ("yellow",),
  "green": ("green",),
  "cyan": ("cyan", "turquoise"),
  "blue": ("blue",),
  "purple": ("purple", "violet"),
  "pink": ("pink",),
  "white": ("white",),
  "black": ("black",),
}
MATERIALS = {
  "matte": ("matte", "dull", "rubber"),
  "shiny": ("shiny", "metallic", "metal", "glossy"),
}
SIZES = {
  "small": ("small", "little", "tiny"),
  "medium": ("medium-sized", "medium", "mid-sized"),
  "large": ("large", "big", "huge"),
}
# Said of the first thing of a scene; {it} is where the second one is named.
ACTIONS = {
  "still": ("stands still", "does not move", "rests", "stays in place"),
  "rolls left": ("rolls to the left", "rolls left", "rolls leftwards"),
  "rolls right": ("rolls to the right", "rolls right", "rolls rightwards"),
  "bounces": ("bounces", "bounces up and down", "keeps bouncing"),
  "slides towards": (
    "slides towards the camera",
    "slides closer",
    "glides towards us",
  ),
  "slides away": (
    "slides away from the camera",
    "slides away",
    "glides into the distance",
  ),
  "rises": ("rises into the air", "rises", "floats up", "lifts off"),
  "falls": ("falls from the sky", "falls down", "drops from above"),
  "spins": ("spins", "spins around", "turns on the spot", "twirls"),
  "orbits": ("orbits {it}", "circles {it}", "goes around {it}"),
  "knocks": ("knocks {it} away", "hits {it}", "bumps into {it}"),
}
# These need a second thing.
PAIRED = ("orbits", "knocks")
_WAYS = {
  "rolls left": "rolls right",
  "slides towards": "slides away",
  "zooms in": "zooms out",
  "pans left": "pans right",
}
# The same action or camera, the other way.
OPPOSITES = _WAYS | {other: one for one, other in _WAYS.items()}
# And what comes nearest to that: up and down, and the two with two things.
_NEAREST = {"rises": "falls", "orbits": "knocks"}
COUNTERPARTS = (
  OPPOSITES | _NEAREST | {other: one for one, other in _NEAREST.items()}
)
CAMERAS = {
  "still": (
    "the camera is still",
    "the camera does not move",
    "seen by a fixed camera",
  ),
  "zooms in": ("the camera zooms in", "the camera moves closer"),
  "zooms out": ("the camera zooms out", "the camera moves back"),
  "pans left": ("the camera pans left", "the camera turns to the left"),
  "pans right": ("the camera pans right", "the camera turns to the right"),
  "circles": ("the camera circles around", "the camera moves around the scene"),
  "cranes up": ("the camera rises", "the camera cranes up"),
}
GROUNDS = {
  "grass": ("on the grass", "on a lawn", "on a meadow"),
  "sand": ("on the sand", "on a beach", "in the desert"),
  "wood": ("on a wooden floor", "on wooden planks", "on floorboards"),
  "tiles": ("on a tiled floor", "on checkered tiles", "on the tiles"),
  "snow": ("on the snow", "in the snow", "on a snowy field"),
  "asphalt": ("on the asphalt", "on a road", "on the street"),
}
SKIES = {
  "day": ("under a blue sky", "on a sunny day", "at noon"),
  "sunset": ("at sunset", "in the evening light", "at dusk"),
  "night": ("at night", "in the moonlight", "under a night sky"),
  "overcast": ("under a grey sky", "on a cloudy day", "under clouds"),
}
# Drawn instead of lit; in no training split, for stylisation.
STYLES = {
  "cartoon": ("as a cartoon", "cartoon style"),
  "sketch": ("as a pencil sketch", "pencil sketch style"),
  "neon": ("in neon lights", "neon style"),
  "blueprint": ("as a blueprint", "blueprint style"),
}
OF_THINGS = {
  "shape": SHAPES,
  "color": COLORS,
  "material": MATERIALS,
  "size": SIZES,
}
OF_SCENES = {
  "action": ACTIONS,
  "camera": CAMERAS,
  "ground": GROUNDS,
  "sky": SKIES,
}
