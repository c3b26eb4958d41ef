"""Where circuits come from: networks, files, state machines, traced elimination."""
