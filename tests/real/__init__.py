"""The product against the real servers: `make real` builds them and runs what is here. See README.md."""
