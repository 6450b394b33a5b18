"""Holds the sandbox to what AWS answered: a record's calls are made again in it, and its answers laid beside AWS's.

    record (calls, placeholders)  ──Bindings──▶  the same calls with the sandbox's own ids and names
    the sandbox in this process, whose time passes as the record's does  ──▶  its answers
    both  ──Differences──▶  fields, forms of texts, values that nobody asked for, order of states, error codes

What other programs made (load balancers, by their controller) and what stood before the record began is not in the
sandbox: calls that ask for it are counted, and left out.
"""
