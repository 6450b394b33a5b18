"""A real Kubernetes control plane on this machine, in the place of the one behind EKS in the sandbox.

What EKS and the nodes add is ours: the webhook that checks tokens, nodes and kubelets, the load balancer controller's
work and its webhooks, and the way from the API server to all of them.
"""
