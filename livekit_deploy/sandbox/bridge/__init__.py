"""Between the two: what a cluster gets from its AWS account, and what its controllers make there."""
