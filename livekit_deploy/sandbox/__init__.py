"""A rehearsal cloud on one machine: AWS, a Kubernetes API for each cluster, and the Internet as users see it.

Nothing outside this folder and one option of the command line knows that it exists.
"""
