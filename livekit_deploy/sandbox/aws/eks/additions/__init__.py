"""Add-ons and access entries, which moto lacks."""
