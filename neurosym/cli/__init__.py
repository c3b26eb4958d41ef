"""The `neurosym` command: configs and tasks by path and name, training, judging, predicting."""
