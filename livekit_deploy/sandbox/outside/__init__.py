"""LiveKit as its users reach it: DNS, and HTTPS through a load balancer to a pod."""
