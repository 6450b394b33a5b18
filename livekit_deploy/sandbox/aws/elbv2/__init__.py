"""ELB: load balancers, their listeners and targets."""
