"""The kubelet of every node: what it does to a pod from the moment it is bound until it is gone.

Source: Kubernetes documentation, "Pod Lifecycle", and kubelet 1.36, pkg/kubelet, for the texts of its events.
"""
