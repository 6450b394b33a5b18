"""Clusters and node groups, which moto has ready at once."""
