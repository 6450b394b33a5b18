"""The same answers as plain moto, sooner."""
