"""A Kubernetes API that the unmodified helm, kubectl and Python client accept, with the controllers they wait for."""
