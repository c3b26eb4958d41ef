"""Where graphs come from: networks, files, state machines, traced elimination."""
