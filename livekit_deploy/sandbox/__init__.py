"""A rehearsal cloud on one machine: AWS, a Kubernetes API for each cluster, and the outside that users come from.

Nothing outside this folder and one option of the command line knows that it exists.
"""
