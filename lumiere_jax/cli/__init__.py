"""Commands: one thin file a verb; flags and ConfigDicts stop here."""
