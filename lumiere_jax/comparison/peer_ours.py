"""The worker of `lumiere compare peers` that has our own networks.

The same jobs as `peer_lumiere_pytorch` and `peer_diffusers`, done with what
`lumiere train` and `lumiere sample` run: the networks of `models`, the loss,
guidance and solver of `diffusion`, the flags of `parallel.xla_flags`.
"""

import argparse
from collections.abc import Callable, Mapping
import functools
from importlib import metadata
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from lumiere_jax import models
from lumiere_jax.comparison import peer_cases
from lumiere_jax.comparison import peer_protocol
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import loss as losses
from lumiere_jax.diffusion import parameterization
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import solvers
from lumiere_jax.interop import diffusers_config
from lumiere_jax.interop import diffusers_unet
from lumiere_jax.models import inflate
from lumiere_jax.models import unet
from lumiere_jax.nn import initial
from lumiere_jax.nn import resample
from lumiere_jax.parallel import machine
from lumiere_jax.parallel import model_flops
from lumiere_jax.parallel import xla_flags
from lumiere_jax.sampling import decorators
from lumiere_jax.text import t5
from lumiere_jax.types import Condition, Estimate, Guided

GUIDANCE = 7.0
HALF, NEXT = 0.5, 0.41  # diffusion times: alpha of sqrt(1/2), and of 0.8
PREDICTION = "v"


def main() -> None:
  """Serves, on the device that the command line names."""
  parser = argparse.ArgumentParser()
  parser.add_argument("--device", choices=peer_cases.DEVICES, required=True)
  device = parser.parse_args().device
  machine.avoid_absent_tpu()
  xla_flags.apply_cpu()
  # Nothing is computed before this.
  jax.config.update("jax_platforms", {"cpu": "cpu", "gpu": "cuda"}[device])
  hello = {name: metadata.version(name) for name in ("jax", "flax")}
  hello["device"] = jax.devices()[0].device_kind
  peer_protocol.serve(make, numerics, hello, "jit")


def make(case: Mapping[str, Any], mode: str) -> peer_protocol.Work:
  """Builds and compiles the work of a case; `mode` is always "jit"."""
  del mode
  return TASKS[case["task"]](case)


def build(case: Mapping[str, Any]) -> unet.UNet:
  """Our network of a case; "still" is the image network alone."""
  sizes = peer_cases.sizes(case) | dict(
    blocks=(1,) * peer_cases.LEVELS,
    skips="block",
    resize="pooled",
    dtype=case["dtype"],
  )
  if case["task"] == "still":
    return models.build("t2i", **sizes)
  if case["task"] == "ssr":
    return models.build("ssr", **sizes)
  temporal = dict(attention_blocks=peer_cases.ATTENTION_BLOCKS)
  return models.build("base", temporal=temporal, **sizes)


def draw(network, *given) -> Any:
  """Parameters, random where those of a trained image network would be.

  Layers of the image network that start at zero are drawn, since a trained one
  has none of them; what inflation adds starts as it does.
  """
  key = jax.random.key(0)
  params = jax.eval_shape(network.init, key, *given)["params"]
  return jax.tree.map_with_path(_alive, initial.materialize(params, 0))


def _alive(path, x):
  names = tuple(step.key for step in path)
  if x.ndim < 2 or x.any() or inflate.is_temporal(names):
    return x
  drawn = np.random.default_rng(0).standard_normal(x.shape, np.float32)
  return jnp.asarray(drawn * np.float32(np.prod(x.shape[:-1]) ** -0.5))


def normal(seed: int, *shape: int) -> jax.Array:
  """Standard normal numbers."""
  return jax.random.normal(jax.random.key(seed), shape)


def told(case: Mapping[str, Any]) -> Condition:
  """Text, and the low resolution where there is one."""
  side, low_res = case["size"], None
  if case["task"] == "ssr":
    low_res = normal(3, 1, case["frames"], side, side, 3)
  return Condition(
    text=normal(2, 1, peer_cases.TOKENS, peer_cases.TEXT),
    text_mask=jnp.ones((1, peer_cases.TOKENS), bool),
    low_res=low_res,
    noise_level=None if low_res is None else jnp.array([0.1]),
  )


def clip(case: Mapping[str, Any], seed: int = 1) -> jax.Array:
  """A clip of noise."""
  return normal(seed, 1, case["frames"], case["size"], case["size"], 3)


def work(fun: Callable, params: Any, *arguments: Any) -> peer_protocol.Work:
  """Compiles a function of parameters and arrays, to be run again and again."""
  compiled = jax.jit(fun).lower(params, *arguments).compile()
  machine.give_back_memory()
  run = lambda: jax.block_until_ready(compiled(params, *arguments))
  return peer_protocol.Work(
    run=run,
    parameters=initial.count(params),
    flops=model_flops.count(fun, params, *arguments),
    peak_mib=device_peak(),
  )


def forward(case: Mapping[str, Any]) -> peer_protocol.Work:
  """One forward pass of the inflated network."""
  network = build(case)
  given = clip(case), jnp.array([HALF]), told(case)
  apply = lambda params, *given: network.apply({"params": params}, *given)
  return work(apply, draw(network, *given), *given)


def train(case: Mapping[str, Any]) -> peer_protocol.Work:
  """One step of AdamW on the temporal parameters, the rest being frozen."""
  network, schedule = build(case), schedules.build(name="cosine")
  t = jnp.array([HALF])
  alpha, sigma = schedule.alpha(t), schedule.sigma(t)
  trained, frozen = inflate.split(draw(network, clip(case), t, told(case)))
  optimizer = optax.adamw(1e-4)

  def loss(trained, frozen, clean, noise, condition):
    noisy = corruption.add_noise(clean, noise, alpha, sigma)
    params = {"params": inflate.join(trained, frozen)}
    out = network.apply(params, noisy, t, condition)
    logsnr = schedule.logsnr(t)
    return losses.denoising_loss(
      *(PREDICTION, out, clean, noise, alpha, sigma, logsnr, "uniform")
    ).mean()

  def step(state, frozen, *given):
    trained, moments = state
    value, gradient = jax.value_and_grad(loss)(trained, frozen, *given)
    updates, moments = optimizer.update(gradient, moments, trained)
    return (optax.apply_updates(trained, updates), moments), value

  given = frozen, clip(case), clip(case, 4), told(case)
  state = trained, optimizer.init(trained)
  flops = model_flops.count(step, state, *given)
  compiled = jax.jit(step, donate_argnums=0).lower(state, *given).compile()
  machine.give_back_memory()
  count = initial.count(trained) + initial.count(frozen)

  def run():
    nonlocal state
    state, value = compiled(state, *given)
    return float(value)

  return peer_protocol.Work(
    run=run, parameters=count, flops=flops, peak_mib=device_peak()
  )


def device_peak() -> Callable[[], float] | None:
  """Tells the largest memory of the GPU so far, in MiB; None on a CPU."""
  device = jax.devices()[0]
  if device.platform == "cpu":
    return None
  return lambda: device.memory_stats()["peak_bytes_in_use"] / 2**20


def sampling_step(case: Mapping[str, Any]) -> peer_protocol.Work:
  """One DDIM step, of the base guided, of super-resolution not."""
  network, schedule = build(case), schedules.build(name="cosine")
  solver, positive = solvers.Ddim(), told(case)
  t, s = jnp.array([HALF]), jnp.array([NEXT])
  params = draw(network, clip(case), t, positive)

  def denoise(params, noisy, t, condition):
    out = network.apply({"params": params}, noisy, t, condition)
    scales = schedule.alpha(t), schedule.sigma(t)
    return Estimate(parameterization.to_clean(PREDICTION, out, noisy, *scales))

  weight = GUIDANCE if case["task"] == "base" else 1.0

  def step(params, noisy, condition):
    guided = decorators.guided(functools.partial(denoise, params), weight)
    estimate = guided(noisy, t, condition)
    return solver.step(
      schedule, noisy, estimate, t, s, None, solver.init(noisy)
    )[0]

  negative = positive.map(jnp.zeros_like, lambda x: x)
  negative = Condition(
    text=negative.text,
    text_mask=positive.text_mask,
    low_res=positive.low_res,
    noise_level=positive.noise_level,
  )
  condition = Guided(positive=positive, negative=negative)
  return work(step, params, clip(case), condition)


def image(case: Mapping[str, Any]) -> peer_protocol.Work:
  """Our network of diffusers' config, on a batch of images."""
  network = unet.UNet(
    diffusers_unet.spec(peer_cases.IF), dtype=jnp.dtype(case["dtype"])
  )
  count, side = case["frames"], case["size"]
  width = diffusers_config.text_width(peer_cases.IF)
  condition = Condition(
    text=normal(2, count, peer_cases.TOKENS, width),
    text_mask=jnp.ones((count, peer_cases.TOKENS), bool),
  )
  t = jnp.full(count, HALF)
  given = normal(1, count, side, side, 3), t, condition
  apply = lambda params, *given: network.apply({"params": params}, *given)
  return work(apply, draw(network, *given), *given)


def text(case: Mapping[str, Any]) -> peer_protocol.Work:
  """Our T5 encoder, on a batch of prompts."""
  sizes = peer_cases.T5
  network = t5.T5Encoder(
    vocab_size=sizes["vocab_size"],
    width=sizes["d_model"],
    num_layers=sizes["num_layers"],
    num_heads=sizes["num_heads"],
    head_dim=sizes["d_kv"],
    mlp_width=sizes["d_ff"],
    dtype=jnp.dtype(case["dtype"]),
  )
  shape = case["frames"], case["size"]
  given = jnp.ones(shape, jnp.int32), jnp.ones(shape, bool)
  apply = lambda params, *given: network.apply({"params": params}, *given)
  return work(apply, draw(network, *given), *given)


TASKS = {
  "forward": forward,
  "train": train,
  "base": sampling_step,
  "ssr": sampling_step,
  "image": image,
  "text": text,
}


def numerics() -> dict[str, float]:
  """Properties of the modules as they start; see `peer_numerics`."""
  video = normal(2, 1, 16, 8, 8, 32)
  still = jnp.broadcast_to(video[:, :1], video.shape)
  down = _module(resample.TemporalDownsample(), video)
  up = _module(resample.TemporalUpsample(), video)
  case = peer_cases.clips("forward", 16, 32)
  given = clip(case), jnp.array([HALF]), told(case)
  network = build(case)
  params = draw(network, *given)
  # Compiled as one: operation by operation takes longer.
  whole = jax.jit(network.apply)({"params": params}, *given)
  frozen = inflate.split(params)[1]
  alone = jax.jit(build(case | {"task": "still"}).apply)(
    {"params": frozen}, given[0][:, ::8], *given[1:]
  )
  of = lambda x, like: float(jnp.abs(x - like).max() / jnp.abs(like).max())
  return {
    "down_of_constant": float(down(still).mean() / still.mean()),
    "down_error": of(down(video), video[:, ::2]),
    "up_of_constant": float(up(still).mean() / still.mean()),
    "up_error": of(up(video), jnp.repeat(video, 2, axis=1)),
    "constant_error": of(up(down(still)), still),
    "every_nth_frame_error": of(whole[:, ::8], alone),
  } | _blocks(video)


def _blocks(video) -> dict[str, float]:
  """How far each block that inflation adds is from changing nothing."""
  spec = models.unet.specs.UNetSpec(widths=(32,), blocks=(1,), groups=16)
  of = lambda x: float(jnp.abs(x - video).max() / jnp.abs(video).max())
  blocks = models.unet.temporal_blocks
  attention = blocks.TemporalAttentionBlock(spec, head_dim=32)
  return {
    "block_error": of(_module(blocks.TemporalConvBlock(spec), video)(video)),
    "attention_error": of(_module(attention, video)(video)),
  }


def _module(module, video):
  """A module with its parameters as they start."""
  abstract = jax.eval_shape(module.init, jax.random.key(0), video)["params"]
  params = initial.materialize(abstract, 0)
  return jax.jit(lambda x: module.apply({"params": params}, x))


if __name__ == "__main__":
  main()
