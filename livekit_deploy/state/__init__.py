"""The state document: what was made, what is under way, and who may write. A cache of the truth, without a secret."""
