"""What pi-stream costs and how old its pictures are, beside uStreamer and a bare socket: `make bench`.

Nothing here is a test: numbers depend on the machine, and on what else it does. What counts are ratios within one run.
"""
