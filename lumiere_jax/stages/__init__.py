"""One stage of the cascade: text encoder, network, schedule and objective.

The room stands between those that make the parts (`text`, `models`,
`diffusion`) and those that use the whole (`training`, `generation`), so that
what is trained and what is sampled are built by the same lines.
"""
