"""The state document: what was made, what is in progress, and who holds the lease. It never holds a secret."""
