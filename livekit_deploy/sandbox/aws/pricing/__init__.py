"""The Price List."""
