"""The engine plans and applies resources. It knows nothing of AWS or Kubernetes."""
