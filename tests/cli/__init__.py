"""Tests of the `scoring` command."""
