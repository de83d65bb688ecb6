"""How much each viewer is sent: the link's estimate, the window and the quality ladder. Rules without I/O."""
