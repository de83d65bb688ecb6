"""Makes a card for a Raspberry Pi that shows its camera without a keyboard ever being near it.

    answers.toml ─▶ answers ─┬▶ first_boot ─▶ what lies where on a card ─┬▶ fat   (mtools)  ─┐
                             │                                           └▶ ext4  (debugfs) ─┴▶ card ─▶ IMAGE to flash
                             └▶ cloud ─▶ user-data, network-config ─▶ a folder to copy onto the official image's card
    debs: what `gather` found missing on the card, and pi-stream itself

Nothing is mounted, nothing is booted and nobody need be root: partitions are written where they lie in the file.
All that answers can be wrong in is said before the first byte is written; the result appears whole, or not at all.
"""
