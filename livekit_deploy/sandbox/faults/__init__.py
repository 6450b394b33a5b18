"""Faults on request: what goes wrong in the sandbox, when, and how often.

`plan` is the plan as data, `catalogue` what each fault is in AWS's words, `calls` where it strikes a call, `hiding` and
`endings` what happens to the objects that a call makes.
"""
