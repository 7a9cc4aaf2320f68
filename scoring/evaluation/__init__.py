"""How good rankings are: what people did afterwards, held beside what they would have been shown."""
