"""The cluster's controllers: each looks at the whole state and takes one step, again and again."""
