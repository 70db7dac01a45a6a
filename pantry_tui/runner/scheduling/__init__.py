"""Schedules at work: the loop that starts their jobs in time, what it writes down, and how it is asked."""
