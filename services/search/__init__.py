"""Finding memories: the language of the search box, ranked search, lists of any length, counts."""
