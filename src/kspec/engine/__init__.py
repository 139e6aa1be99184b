"""Runs cases: steps, waits, fixtures, clean-up, and many of them side by side."""
