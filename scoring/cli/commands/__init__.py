"""The commands of `scoring`, one module each, named after the verb that the user types."""
