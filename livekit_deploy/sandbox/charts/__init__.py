"""Charts for machines without the Internet."""
