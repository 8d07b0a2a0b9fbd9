"""Scans archives of photos: every input gets exactly one record, and what was interrupted goes on."""
