"""What proves the cleaning and measures it: generated and real input, an independent count, comparisons."""
