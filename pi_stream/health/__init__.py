"""The state of this service: the doctor's report about it, and the next steps on a new appliance."""
