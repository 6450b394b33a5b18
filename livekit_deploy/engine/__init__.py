"""The engine: declares resources, plans and applies them, and knows nothing of AWS or Kubernetes."""
