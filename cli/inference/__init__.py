"""What sample files tell about a dataset, and what only a person can know: the work behind `sluice new`."""
