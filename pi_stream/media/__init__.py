"""What a frame and a packet are, their one colour space, and what a source says about itself."""
