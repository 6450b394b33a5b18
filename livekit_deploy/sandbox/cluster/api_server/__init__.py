"""The Kubernetes API over HTTPS: paths, verbs, forms of answers, watches, webhooks, evictions."""
