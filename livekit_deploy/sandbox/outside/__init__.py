"""What users of LiveKit see: names that resolve, and HTTPS that ends at a load balancer and goes on to a pod."""
