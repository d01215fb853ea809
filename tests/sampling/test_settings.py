"""Settings refuse nonsense where it is said, not where it hurts."""

import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import solvers
from lumiere_jax.sampling import settings


def test_defaults_are_accepted():
  assert settings.SamplerSettings().make_solver() == solvers.Ddpm()


@pytest.mark.parametrize(
  ("kwargs", "message"),
  [
    (dict(num_steps=0), "sampling steps is 0; it must be at least 1"),
    (dict(guidance_scale=-1.0), "guidance scale is -1.0"),
    (dict(solver="dpm"), "Did you mean 'ddpm'"),
    (dict(solver="ddim", gamma=0.5), "'ddim' takes eta"),
    (dict(solver="dpmpp_2m", eta=0.5), "takes neither eta nor gamma"),
    (dict(solver="ddim", eta=2.0), "between 0 and 1"),
    (dict(spacing="linear"), "spacing of sampling times"),
    (dict(time_shift=0.0), "time_shift is 0.0; it is above 0"),
    (dict(time_shift=2.0, spacing="logsnr"), "only spacing 'time' without"),
    (dict(time_shift=2.0, visits=(5, 3)), "only spacing 'time' without"),
    (dict(threshold=99.5), "between 0 and 1"),
    (dict(maximum=0.5), "pixels that are in range"),
    (dict(threshold=None, maximum=1.5), "no threshold to limit"),
    (dict(window=0, overlap=0), "window is 0"),
    (dict(window=4, overlap=4), "between 0 and 3"),
    (dict(windows_per_call=0), "windows per call is 0"),
    (dict(meet_given=0.0), "meet_given is 0.0; it is a stiffness, above 0"),
    (dict(noise_level=1.5), "Usual are 0.1 to 0.3"),
    (dict(visits=(3, 5)), "they must fall, from 999"),
    (dict(visits=(1000, 5)), "they must fall, from 999"),
    (dict(visits=(3, -1)), "they must fall, from 999"),
    (dict(visits=()), "they must fall, from 999"),
  ],
  ids=lambda x: (
    ",".join(f"{k}={v}" for k, v in x.items()) if isinstance(x, dict) else ""
  ),
)
def test_nonsense_is_refused(kwargs, message):
  with pytest.raises(errors.ConfigError, match=message):
    settings.SamplerSettings(**kwargs)


@pytest.mark.parametrize(
  ("kwargs", "solver"),
  [
    (dict(solver="ddim", eta=0.5), solvers.Ddim(eta=0.5)),
    (dict(solver="ddpm", gamma=0.5), solvers.Ddpm(gamma=0.5)),
    (dict(solver="dpmpp_2m"), solvers.DpmSolverPlusPlus2M()),
  ],
)
def test_solver_is_made_with_its_own_option(kwargs, solver):
  assert settings.SamplerSettings(**kwargs).make_solver() == solver


def test_steps_to_visit_are_kept_as_what_a_program_can_depend_on():
  assert hash(settings.SamplerSettings(visits=[9, 3])) is not None
