"""AWS: one door to boto3, the tags that make an object ours, and one module of kinds for each service."""
