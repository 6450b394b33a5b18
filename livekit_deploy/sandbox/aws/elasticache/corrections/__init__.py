"""What moto forgets of what it is told, and never finishes."""
