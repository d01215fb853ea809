"""Prompts by hand, in words that the toybox's grammar does not have.

What a person may say where training says "red ball bounces".  Each line is
what is said, then what is meant: shape, colour, action; and, where the text
says them, material or size, camera, ground, sky.
"""

from lumiere_jax.toybox import words

_LINES = """
a crimson sphere hops | ball red bounces
a ruby orb jumps on the lawn | ball red bounces grass
an azure cube twirls on the beach | cube blue spins sand
a navy box rotates slowly | cube blue spins
a golden ball is bouncing in the snow | ball yellow bounces snow
the emerald globe keeps leaping on the road | ball green bounces asphalt
a lime ball tumbles leftward over the grass | ball green rolls-left grass
a magenta cone is turning around | cone pink spins
a lilac pyramid stands on the street | cone purple still asphalt
an ivory ring floats upward | ring white rises
a jet-black donut goes round and round | ring black spins
a charcoal cube does nothing at all | cube black still
an alabaster sphere plunges from above | ball white falls
a tangerine drum rolls off to the right | cylinder orange rolls-right
an amber barrel is rolling left | cylinder orange rolls-left
a teal canister approaches the camera | cylinder cyan slides-towards
an aqua star ascends | star cyan rises
a rosy star plummets | star pink falls
a violet crystal hovers up at sundown | diamond purple rises sunset
a sapphire jewel revolves on a parquet floor | diamond blue spins wood
a lemon coloured box moves away from us | cube yellow slides-away
a cherry coloured cone recedes | cone red slides-away
a grass green sphere comes towards the viewer | ball green slides-towards
one blue bead, motionless, after dark | ball blue still night
a red block sits there, nothing happens | cube red still
an orange ball pops up and down | ball orange bounces
a yellow tin rolls rightward across planks | cylinder yellow rolls-right wood
a pink gemstone falling down | diamond pink falls
a purple hoop lifts off the sand | ring purple rises sand
a cyan die spins like a top | cube cyan spins
a black marble rolls to the left on tiles | ball black rolls-left tiles
a white traffic cone stays put on the street | cone white still asphalt
an enormous scarlet sphere bounces | ball red large bounces
a teeny green cube turns | cube green small spins
a gigantic blue ball drops | ball blue large falls
a minute yellow star rises up | star yellow small rises
a polished metal red orb leaps | ball red shiny bounces
a chrome blue cylinder rolling right | cylinder blue shiny rolls-right
a flat matt green cone rotating | cone green matte spins
a gleaming golden ring spins in moonlight | ring yellow shiny spins night
a rubbery orange cube drops down | cube orange matte falls
red ball, bouncing, closeup shot zooming in | ball red bounces zooms-in
blue cube, rotating, camera pulls back | cube blue spins zooms-out
green cone standing, slow dolly in | cone green still zooms-in
a white ball rests while we look left | ball white still pans-left
a pink ring turns as the view swings right | ring pink spins pans-right
a purple box, camera orbiting it | cube purple still circles
an orange star seen from a rising drone | star orange still cranes-up
yellow sphere jumps, static shot | ball yellow bounces still-camera
black can rolls left, locked-off shot | cylinder black rolls-left still-camera
a cyan ball bounces on turf at midday | ball cyan bounces grass day
a red cube spinning in winter, on ice and snow | cube red spins snow
a green diamond falls onto dunes | diamond green falls sand
a blue star climbs above pavement | star blue rises asphalt
an orange ring on kitchen tiles doesn't budge | ring orange still tiles
a purple ball hops over hardwood | ball purple bounces wood
a white cone nears on a cloudy afternoon | cone white slides-towards overcast
a yellow cube glides off under a gloomy sky | cube yellow slides-away overcast
a pink ball floats up into the starry night | ball pink rises night
a black box descends in the glow of dusk | cube black falls sunset
at sunrise a red can rolls to the right | cylinder red rolls-right sunset
clear blue sky, a green sphere is dribbling | ball green bounces day
late evening: a cyan gem whirls | diamond cyan spins
a lonely grey-green field, and a red globe leaping | ball red bounces grass
"""
# As an action, a camera and a ground may be called in a line.
_CAMERA = {"still-camera": "still"}


def read() -> tuple[tuple[str, dict[str, str]], ...]:
  """(text, name in `caption.LABELS` -> value) of each prompt."""
  return tuple(_parse(line) for line in _LINES.strip().splitlines())


def _parse(line: str) -> tuple[str, dict[str, str]]:
  text, meant = line.split(" | ")
  shape, color, *rest = meant.split()
  said = {"shape 0": shape, "color 0": color}
  for word in rest:
    name, value = _meaning(word)
    said[name] = value
  return text, said


def _meaning(word: str) -> tuple[str, str]:
  """The attribute of the first thing or of the scene that a word is of."""
  if word in _CAMERA:
    return "camera", _CAMERA[word]
  value = word.replace("-", " ")
  for name in ("material", "size"):
    if value in words.OF_THINGS[name]:
      return f"{name} 0", value
  for name, known in words.OF_SCENES.items():
    if value in known:
      return name, value
  raise ValueError(f"{word} is of no attribute.")
