"""What belongs to no service: how a correction is put in, and what is done to every request."""
