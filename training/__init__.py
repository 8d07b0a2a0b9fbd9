"""Models out: training from partial labels, export, calibration, the model package."""
