"""diffusers loads what we export, and answers as it did before."""

import foreign_pipelines
import foreign_unets
import numpy as np
import peers_of_unets as peers
import pytest

from lumiere_jax.interop import exporting
from lumiere_jax.interop import importing
from lumiere_jax.stages import weights

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
  "name",
  [
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("if_1", "if_2")),
    *("plain_up", "text_only"),
  ],
)
def test_diffusers_loads_what_is_exported(tmp_path, name):
  config = foreign_unets.CONFIGS[name]
  foreign_pipelines.write_unet(tmp_path / "unet", config)
  importing.write(importing.plan(tmp_path / "unet"), tmp_path / "w")
  stage, params, _ = weights.load(tmp_path / "w", ())
  exporting.write_diffusers(stage, params, tmp_path / "again")
  model, said = peers.diffusers.UNet2DConditionModel.from_pretrained(
    tmp_path / "again", output_loading_info=True
  )
  assert not said["missing_keys"]
  assert not said["unexpected_keys"]
  given = foreign_unets.inputs(config)
  want = peers.run(peers.build(config), given)
  np.testing.assert_array_equal(peers.run(model.eval(), given), want)


def test_we_load_what_diffusers_saves_in_shards(tmp_path):
  config = foreign_unets.CONFIGS["if_1"]
  model = peers.build(config)
  model.half().save_pretrained(
    tmp_path / "unet", max_shard_size="2MB", variant="fp16"
  )
  assert len(list((tmp_path / "unet").glob("*.fp16*"))) > 1
  importing.write(importing.plan(tmp_path / "unet"), tmp_path / "w")
  stage, params, _ = weights.load(tmp_path / "w", ())
  exporting.write_diffusers(stage, params, tmp_path / "again", "float16")
  again = peers.diffusers.UNet2DConditionModel.from_pretrained(
    tmp_path / "again", torch_dtype=torch.float16
  )
  for name, one in model.state_dict().items():
    np.testing.assert_array_equal(again.state_dict()[name], one, err_msg=name)
