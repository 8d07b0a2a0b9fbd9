"""A scan -> one offline HTML page that people read."""
