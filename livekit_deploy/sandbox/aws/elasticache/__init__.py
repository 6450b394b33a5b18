"""ElastiCache, in place of moto's outline of it."""
