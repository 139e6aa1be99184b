"""Judging observed objects: matches, comparators, checks and their timing. All pure."""
