"""The first steps of a firm: the guide to its first delivered and paid order, and the demo company to try things in."""
