"""Kubernetes objects as values: their kinds, defaults and fields, how they are changed, selected and refused."""
