"""Compares the sandbox with recorded answers of AWS, by making the recorded calls again.

    record (calls, placeholders)  ──Bindings──▶  the same calls with the sandbox's own ids and names
    the sandbox in this process, whose time passes as the record's does  ──▶  its answers
    both  ──Differences──▶  fields, forms of texts, values that nobody asked for, order of states, error codes

What other programs made (load balancers, by their controller) and what stood before the record began is not in the
sandbox: calls that ask for it are counted, and left out.
"""
