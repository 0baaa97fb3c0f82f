"""The GPU: where graphs live (`device`), what runs there (`kernels`, `formulas`, `ops`), replayed steps (`graphs`)."""
