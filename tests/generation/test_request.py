"""A request refuses nonsense early and survives JSON."""

import dataclasses

import pytest

from lumiere_jax import errors
from lumiere_jax.generation import request as requests

FULL = requests.Request(
  prompt="a red ball, rolling",
  negative_prompt="blur",
  num_inference_steps=12,
  ssr_num_inference_steps=6,
  guidance_scale=7.5,
  ssr_guidance_scale=1.0,
  seed=7,
  num_videos=3,
  ssr=False,
  sampler="ddim",
  ssr_sampler="ddpm",
  front="sharded",
  num_frames=16,
  window=8,
  overlap=2,
  noise_level=0.2,
  guard=False,
)


@pytest.mark.parametrize(
  "request_",
  [FULL, requests.Request(prompt="ein Hündchen 🐶")],
  ids=["every field", "prompt alone"],
)
def test_json_round_trip_is_the_identity(request_):
  assert requests.Request.from_json(request_.to_json()) == request_


@pytest.mark.parametrize(
  ("fields", "message"),
  [
    (dict(prompt=""), "prompt"),
    (dict(prompt=" \n"), "prompt"),
    (dict(prompt="x" * 10_000), "10.?000"),
    (dict(negative_prompt="x" * 10_000), "10.?000"),
    (dict(num_inference_steps=0), "num_inference_steps is 0.*works: 1"),
    (dict(ssr_num_inference_steps=-3), "ssr_num_inference_steps is -3"),
    (dict(num_inference_steps=2.5), "of type float; it must be int"),
    (dict(num_inference_steps=True), "of type bool"),
    (dict(guidance_scale=-1), r"guidance_scale is -1.0.*works: 0"),
    (dict(guidance_scale=float("nan")), "guidance_scale is nan"),
    (dict(guidance_scale="7"), "of type str; it must be float"),
    (dict(seed=-1), "seed is -1"),
    (dict(seed=2**32), "works: 4294967295"),
    (dict(num_videos=0), "num_videos is 0"),
    (dict(num_frames=0), "num_frames is 0"),
    (dict(noise_level=1.5), "noise_level is 1.5.*works: 1"),
    (dict(sampler="dimm"), "Did you mean 'ddim'"),
    (dict(ssr_sampler="ddmp"), "Did you mean 'ddpm'"),
    (dict(front="pmapp"), "Did you mean 'pmap'"),
    (dict(window=4, overlap=4), "overlap is at most 3"),
  ],
  ids=lambda x: str(x)[:40],
)
def test_nonsense_is_refused_with_the_nearest_that_works(fields, message):
  with pytest.raises(errors.LumiereError, match=message):
    requests.Request(**(dict(prompt="a ball") | fields))


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ('{"prompt": "x", "guidence_scale": 2}', "mean 'guidance_scale'"),
    ('{"seed": 3}', "no prompt"),
    ('{"prompt": "x", "version": 9}', "version is 9"),
    ("[1]", "JSON list"),
    ("a ball", "not JSON"),
  ],
)
def test_json_that_is_no_request_is_refused(text, message):
  with pytest.raises(errors.ConfigError, match=message):
    requests.Request.from_json(text)


def test_complete_fills_what_was_not_said_and_nothing_else():
  request = requests.Request(prompt="x", guidance_scale=3.0)
  full = request.complete(dict(guidance_scale=9.0, num_inference_steps=5))
  assert full == dataclasses.replace(request, num_inference_steps=5)


def test_complete_refuses_a_default_for_no_field():
  with pytest.raises(errors.ConfigError, match="mean 'num_frames'"):
    requests.Request(prompt="x").complete(dict(num_frame=3))


def test_whole_numbers_are_scales():
  request = requests.Request(prompt="x", guidance_scale=7)
  assert type(request.guidance_scale) is float
