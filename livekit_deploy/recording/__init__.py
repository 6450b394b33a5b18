"""Records requests to AWS and its answers, with everything replaced that identifies the account.

A record is a file of JSON lines: a header, then one line for each attempt of each call (`recorder`). What is kept of a
value is decided by botocore's model of the call (`scrub`), and what is not kept becomes a placeholder that is the same
wherever the value comes again (`names`). The sandbox's comparison reads it, so that nothing here knows the product.
"""
