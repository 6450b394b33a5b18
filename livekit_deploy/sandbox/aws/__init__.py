"""What moto leaves out or gets wrong, put right service by service."""
