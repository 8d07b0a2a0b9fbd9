"""Labels in: reading labelled photos, grouping, splitting, versioning."""
