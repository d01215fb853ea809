"""From noise to clips: one loop over denoisers, windows of time, two fronts."""
