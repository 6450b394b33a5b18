"""What the servers of the sandbox share: certificates, who is let in, and the record of calls."""
