"""Helpers of the tests: clocks, servers, random markets, the oracle, and what several test files check alike."""
