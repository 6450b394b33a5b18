"""Corrections and additions to moto, service by service."""
