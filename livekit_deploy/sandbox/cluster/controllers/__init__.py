"""What makes a cluster live: each controller looks at the whole and takes it one step further, again and again."""
