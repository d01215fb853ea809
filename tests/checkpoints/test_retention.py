"""Which checkpoints go, by hand."""

import pytest

from lumiere_jax import errors
from lumiere_jax.checkpoints import retention

LOSSES = {10: 0.9, 20: 0.3, 30: 0.5, 40: 0.6, 50: None, 60: 0.7}


@pytest.mark.parametrize(
  ("rule", "goes"),
  [
    (dict(), [10, 20, 30, 40]),
    (dict(newest=6), []),
    (dict(every=20), [10, 30]),
    (dict(best=1), [10, 30, 40]),
    (dict(best=2, every=30), [10, 40]),
  ],
)
def test_what_nothing_wants_goes(rule, goes):
  assert retention.Retention(**rule).goes(LOSSES) == goes


def test_of_equal_losses_the_newer_stays():
  losses = {1: 0.5, 2: 0.5, 3: 1.0, 4: 1.0}
  assert retention.Retention(best=1).goes(losses) == [1]


@pytest.mark.parametrize("rule", [dict(newest=1), dict(every=-1)])
def test_one_must_be_able_to_stand_in(rule):
  with pytest.raises(errors.ConfigError, match="keep the 2 newest or more"):
    retention.Retention(**rule)
