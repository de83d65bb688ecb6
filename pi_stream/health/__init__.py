"""How the service is: the doctor's report about this service, and the next steps on a new appliance."""
