"""The way to a cluster: access, client, discovery, watches and the hub that shares them."""
