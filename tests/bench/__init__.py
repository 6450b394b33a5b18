"""What the product promises of speed, measured: ratios and counts, each with its command."""
