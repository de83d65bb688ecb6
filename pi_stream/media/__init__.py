"""What a frame and a packet are, and the one colour space of all of them."""
