"""Says in a prompt what it leaves open: `lumiere sample --complete`."""

import dataclasses

import numpy as np

from lumiere_jax.evaluation import reading
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.toybox import caption

_OPEN = ("ground", "sky", "camera")
_PLACE = 20  # of these draws among all that come of a seed


class Completer:
  """Reads prompts with the text encoder of the networks that will paint them.

  Raises:
    WeightsError: it reads no captions of the toybox.
  """

  def __init__(self, generator: generators.Generator):
    stage, params, *_ = generator.loaded[0]
    self._reader = reading.Reader(stage, params, generator.weights)

  def __call__(self, request: requests.Request) -> requests.Request:
    """The request, its prompt completed; the same seed says the same."""
    (answers,) = self._reader.answers([request.prompt])
    said = dict(zip(caption.QUESTIONS, answers, strict=True))
    unsaid = [name for name in _OPEN if said[name] == caption.UNSAID]
    rng = np.random.default_rng([_PLACE, request.seed])
    prompt = caption.complete(request.prompt, unsaid, rng)
    return dataclasses.replace(request, prompt=prompt)
