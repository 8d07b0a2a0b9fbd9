"""Records of a scan -> files that other programs and people read, record by record."""
