"""Whether the databases would survive today, and what was measured: facts in, judgements and figures out."""
