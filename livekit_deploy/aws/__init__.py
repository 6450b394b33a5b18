"""AWS: one door to boto3, the marks that make an object ours, and one module of kinds for each service."""
