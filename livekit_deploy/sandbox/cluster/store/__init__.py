"""What a cluster keeps: its objects with their versions, its events and the logs of its pods."""
