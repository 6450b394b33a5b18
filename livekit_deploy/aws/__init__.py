"""AWS: access to boto3, ownership tags, errors, and the kinds of resources, one package for each service."""
