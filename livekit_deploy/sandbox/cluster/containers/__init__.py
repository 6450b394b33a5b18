"""What runs in containers: a process and its program, LiveKit and Redis among them."""
