"""Makes a card for a Raspberry Pi that serves its camera without a keyboard or a screen.

    answers.toml ─▶ answers ─┬▶ first_boot ─▶ the files of a card ───────┬▶ fat   (mtools)  ─┐
                             │                                           └▶ ext4  (debugfs) ─┴▶ card ─▶ IMAGE to flash
                             └▶ cloud ─▶ user-data, network-config ─▶ a folder to copy onto the official image's card
    debs: the packages that `gather` found missing on the card, and pi-stream itself

Nothing is mounted or booted, and root is not needed: partitions are written inside the image file. All errors in the
answers are reported before the first byte is written. The result is complete, or does not exist.
"""
