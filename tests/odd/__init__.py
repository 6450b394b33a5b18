"""Answers that AWS does not give: each is told by call and field, and nothing is lost by it."""
