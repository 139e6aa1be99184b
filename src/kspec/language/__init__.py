"""The language: text to nodes, nodes to declarations, and expressions in their scope."""
