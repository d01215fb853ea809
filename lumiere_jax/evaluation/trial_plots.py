"""What an application makes of clips, against how much it is told to."""

from collections.abc import Mapping, Sequence
import io

from lumiere_jax.evaluation import trials


def against(
  what: str,
  found: Mapping[float, Sequence[trials.Finding]],
  names: Sequence[str],
) -> bytes:
  """Draws findings over a setting, with the bars that they have: a PNG.

  Args:
    what: the setting, below the plot.
    found: its value -> what was measured there.
    names: which findings to draw; all of them shares, or correlations.
  """
  from matplotlib import figure

  page = figure.Figure(figsize=(6, 3.6), layout="constrained")
  plot = page.subplots()
  for name in names:
    points = [
      (value, one)
      for value in sorted(found)
      for one in found[value]
      if one.name == name and one.value is not None
    ]
    line = plot.plot(
      [value for value, _ in points],
      [one.value for _, one in points],
      "o-",
      label=name,
    )
    for bar in {one.bar for _, one in points} - {None}:
      plot.axhline(bar, color=line[0].get_color(), linestyle=":", linewidth=1)
  plot.set(xlabel=what, ylim=(-0.05, 1.05))
  plot.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), frameon=False)
  buffer = io.BytesIO()
  page.savefig(buffer, format="png", dpi=100)
  return buffer.getvalue()
